import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { createServer, type Server } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import { PublicListener } from "../../../src/Ingress/Http.ts"
import { Ingress } from "../../../src/Ingress/Ingress.ts"
import { boundConnections, limits } from "../../../src/Process/Connections.ts"
import * as Signature from "../../../src/Signature/Signature.ts"
import { deliver } from "../../support/Http.ts"
import * as Memory from "../../support/MemoryLog.ts"
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

/** A listener that answers each request at once, without waiting for its body. Its request time-out is one second. */
const hasty = Effect.acquireRelease(
  Effect.callback<Server>((resume) => {
    const server = createServer(
      { ...limits, headersTimeout: 1_000, requestTimeout: 1_000 },
      (request, response) => {
        request.resume()
        response.writeHead(404, { "content-length": 2 }).end("{}")
      }
    )
    boundConnections(server, "public")
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => (server.closeAllConnections(), server.close()))
).pipe(Effect.map((server) => (server.address() as AddressInfo).port))

/** Sends a head and then one byte of the body every 50 milliseconds, until the connection is closed. */
const trickle = (port: number) =>
  Effect.callback<string>((resume) => {
    const socket = connect({ port, host: "127.0.0.1" })
    let received = ""
    socket.setEncoding("utf8")
    socket.on("data", (part) => void (received += part))
    socket.on("error", () => undefined)
    socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
    const timer = setInterval(() => socket.write("x"), 50)
    socket.on("close", () => {
      clearInterval(timer)
      resume(Effect.succeed(received))
    })
    return Effect.sync(() => {
      clearInterval(timer)
      socket.destroy()
    })
  }).pipe(Effect.timeout("20 seconds"), Effect.orDie)

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

  it.live("is closed when it still sends the body of an answered request after the request time-out", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(statusesIn(yield* trickle(yield* hasty)), ["404"])
    }).pipe(Effect.scoped))
})
