import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import process from "node:process"
import { DeliveryHandler } from "../../../src/Ingress/DeliveryHandler.ts"
import { Ingress } from "../../../src/Ingress/Ingress.ts"
import * as Signature from "../../../src/Signature/Signature.ts"
import { rawAnswer } from "../../support/Http.ts"
import * as Memory from "../../support/MemoryLog.ts"
import { scanCreated, secret, signed } from "../../support/Webhook.ts"

const ingress = Ingress.layer(Signature.verifier([secret])).pipe(Layer.provide(Memory.layer()))

/** A server whose handler receives every request. `look` runs after the bytes of one read from a connection. */
const serving = (handler: DeliveryHandler, look: (buffered: number) => void) =>
  Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const server = createServer((request, response) => {
        process.nextTick(() => look(request.readableLength))
        handler.receive(request, response)
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => (handler.close(), server.closeAllConnections(), server.close()))
  ).pipe(Effect.map((server) => (server.address() as AddressInfo).port))

describe("a delivery", () => {
  it.live("in chunks of one byte is received while it is parsed, so that no chunk waits in a buffer", () =>
    Effect.gen(function*() {
      const handler = new DeliveryHandler(yield* Ingress, yield* Effect.context<never>(), {
        maxBodyBytes: 4_096,
        maxInFlight: 4
      })
      const buffered: Array<number> = []
      const port = yield* serving(handler, (size) => buffered.push(size))
      const { body, signature } = signed(scanCreated("evt_1"))
      const chunks = [...body.toString()].map((byte) => `1\r\n${byte}\r\n`).join("")
      const head =
        `POST / HTTP/1.1\r\nHost: x\r\n${Signature.header}: ${signature}\r\nTransfer-Encoding: chunked\r\n\r\n`
      const answer = yield* rawAnswer(port, `${head}${chunks}0\r\n\r\n`)
      assert.include(answer, `{"ok":true,"id":"evt_1","duplicate":false}`)
      assert.deepStrictEqual(buffered, [0])
    }).pipe(Effect.provide(ingress), Effect.scoped))
})
