import { Effect, Layer, Redacted } from "effect"
import { createServer } from "node:http"
import process from "node:process"
import { nodeHandler, webhookHandler } from "../../src/ingress.ts"
import { NatsServer } from "../../src/Nats/Server.ts"
import { denoServe } from "../support/DenoServe.ts"
import { logOnBroker } from "../support/Log.ts"
import { secret } from "../support/Webhook.ts"
import { maxBodyBytes, Receiver, suite } from "./Webhook.ts"

/** A handler on the test's broker, with its own connection. */
const handler = Effect.flatMap(NatsServer, ({ token, url }) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      webhookHandler({
        secrets: ["whsec_of_next_month", Redacted.value(secret)],
        natsUrl: url,
        token: Redacted.value(token),
        maxBodyBytes
      })
    ),
    (handler) => Effect.promise(() => handler.close())
  ))

const path = "/api/webhooks/3qpr"

const onNodeHttp = Effect.gen(function*() {
  const server = createServer(nodeHandler(yield* handler))
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
  const address = server.address()
  return { port: typeof address === "object" ? address?.port ?? 0 : 0, path }
})

suite("a handler in node:http", Layer.effect(Receiver, onNodeHttp).pipe(Layer.provideMerge(logOnBroker)))

const onDenoServe = Effect.gen(function*() {
  const receive = yield* handler
  const server = yield* Effect.acquireRelease(
    Effect.sync(() => denoServe(0, receive)),
    (server) => Effect.promise(() => server.shutdown())
  )
  return { port: server.addr.port, path }
})

if (process.versions["deno"] !== undefined) {
  const receiver = Layer.effect(Receiver, onDenoServe).pipe(Layer.provideMerge(logOnBroker))
  suite("a handler in Deno.serve", receiver, { keepsConnections: false })
}
