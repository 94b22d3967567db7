import { Effect, Layer } from "effect"
import { PublicListener } from "../../src/Ingress/Http.ts"
import { Ingress } from "../../src/Ingress/Ingress.ts"
import * as Signature from "../../src/Signature/Signature.ts"
import { logOnBroker } from "../support/Log.ts"
import { secret } from "../support/Webhook.ts"
import { maxBodyBytes, Receiver, suite } from "./Webhook.ts"

const listener = PublicListener.layer({ host: "127.0.0.1", port: 0, maxBodyBytes, maxInFlight: 100 }).pipe(
  Layer.provide(Ingress.layer(Signature.verifier([secret])))
)

suite(
  "the public listener",
  Layer.effect(Receiver, Effect.map(PublicListener, ({ port }) => ({ port, path: "/webhooks/3qpr" }))).pipe(
    Layer.provide(listener),
    Layer.provideMerge(logOnBroker)
  )
)
