import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { connect } from "node:net"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import * as Memory from "../../../src/EventLog/Memory.ts"
import { PublicListener } from "../../../src/Ingress/Http.ts"
import { Ingress } from "../../../src/Ingress/Ingress.ts"
import * as Signature from "../../../src/Signature/Signature.ts"
import { deliver } from "../../support/Http.ts"
import { scanCreated, secret, signed } from "../../support/Webhook.ts"

const listenerOn = (log: Layer.Layer<EventLog>) =>
  PublicListener.layer({ host: "127.0.0.1", port: 0, maxBodyBytes: 4_096, maxInFlight: 64 }).pipe(
    Layer.provide(Ingress.layer(Signature.verifier([secret]))),
    Layer.provide(log)
  )

/** A log that stores only after the event loop has processed a half-close of the client. */
const later = Layer.mock(EventLog, {
  append: () => Effect.delay(Effect.succeed({ sequence: 1, duplicate: false }), "50 millis"),
  health: Effect.succeed({ ready: true as const }),
  durability: "none",
  maxBodyBytes: 1_000_000
})

/** The bytes of a delivery, as a client sends them. */
const bytesOf = (id: string, more = "") => {
  const { body, signature } = signed(scanCreated(id))
  return `POST /webhooks/3qpr HTTP/1.1\r\nHost: localhost\r\n${Signature.header}: ${signature}\r\n`
    + `${more}Content-Length: ${body.length}\r\n\r\n${body}`
}

/** Sends text, closes our half of the connection if requested, and returns everything received. */
const exchange = (port: number, text: string, halfClose = false) =>
  Effect.callback<string>((resume) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true })
    let received = ""
    socket.setEncoding("utf8")
    socket.on("data", (part) => void (received += part))
    socket.on("error", () => undefined)
    socket.on("end", () => socket.end())
    socket.on("close", () => resume(Effect.succeed(received)))
    socket.write(text)
    if (halfClose) socket.end()
    return Effect.sync(() => socket.destroy())
  }).pipe(Effect.timeout("30 seconds"), Effect.orDie)

const statusesIn = (answer: string) => [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)

describe("a connection of the public listener", () => {
  it.live("whose client half-closes it after the request receives the response", () =>
    Effect.gen(function*() {
      const { port } = yield* PublicListener
      for (let count = 0; count < 20; count++) {
        const answer = yield* exchange(port, bytesOf(`evt_${count}`, "Connection: close\r\n"), true)
        assert.deepStrictEqual(statusesIn(answer), ["200"])
      }
    }).pipe(Effect.provide(listenerOn(later))))

  it.live("with a stray byte after a delivery answers the delivery, then closes", () =>
    Effect.gen(function*() {
      const { port } = yield* PublicListener
      for (let count = 0; count < 20; count++) {
        const answer = yield* exchange(port, `${bytesOf(`evt_${count}`)}!`)
        assert.deepStrictEqual(statusesIn(answer), ["200"])
      }
    }).pipe(Effect.provide(listenerOn(later))))

  it.live("is closed when it sends thousands of requests without waiting, and others are answered", () =>
    Effect.gen(function*() {
      const { port, url } = yield* PublicListener
      const flood = yield* Effect.forEach(
        Array.from({ length: 20 }),
        () => Effect.forkChild(exchange(port, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2_000)))
      )
      const answer = yield* deliver(`${url}/webhooks/3qpr`, signed(scanCreated("evt_beside")))
      assert.strictEqual(answer.status, 200)
      for (const fiber of flood) {
        assert.isAtMost(statusesIn(yield* Fiber.join(fiber)).length, 100)
      }
    }).pipe(Effect.provide(listenerOn(Memory.layer()))))
})
