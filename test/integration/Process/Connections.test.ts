import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import type { Buffer } from "node:buffer"
import { createServer, type Server } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import { PublicListener } from "../../../src/Ingress/Http.ts"
import { Ingress } from "../../../src/Ingress/Ingress.ts"
import { boundConnections, limits } from "../../../src/Process/Connections.ts"
import * as Signature from "../../../src/Signature/Signature.ts"
import { deliver } from "../../support/Http.ts"
import * as Memory from "../../support/MemoryLog.ts"
import { until } from "../../support/Until.ts"
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
)

const portOf = (server: Server) => (server.address() as AddressInfo).port

/** Makes each end of a connection take two milliseconds, and counts the most ends in one turn of the event loop. */
const slowEnds = (server: Server) => {
  const ends = { most: 0, inTurn: 0 }
  server.on("connection", (socket) => {
    const end = socket.end.bind(socket)
    Object.assign(socket, {
      end: (text: string) => {
        if (ends.inTurn++ === 0) setTimeout(() => void (ends.inTurn = 0), 0)
        ends.most = Math.max(ends.most, ends.inTurn)
        const until = performance.now() + 2
        while (performance.now() < until);
        return end(text)
      }
    })
  })
  return ends
}

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

/** A listener that answers each request with the length of its body, and counts what it has. */
const counting = Effect.gen(function*() {
  const counts = { begun: 0, ended: 0 }
  const server = yield* Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const server = createServer(limits, (request, response) => {
        counts.begun++
        let length = 0
        request.on("data", (part: Buffer) => void (length += part.length))
        request.on("end", () => {
          counts.ended++
          response.end(String(length))
        })
      })
      boundConnections(server, "public")
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => (server.closeAllConnections(), server.close()))
  )
  return { counts, port: (server.address() as AddressInfo).port }
})

/** A connection that stays open, and a function that sends a request on it and waits for the answer. */
const lasting = (port: number) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => connect({ port, host: "127.0.0.1" })),
      (socket) => Effect.sync(() => socket.destroy())
    ),
    (socket) =>
      Effect.callback<string>((resume) => {
        socket.once("data", (answer) => resume(Effect.succeed(String(answer))))
        socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok")
      })
  )

/** A connection that has sent the head of a request, and everything that it receives until it is closed. */
const receiving = (port: number) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => connect({ port, host: "127.0.0.1", allowHalfOpen: true })),
      (socket) => Effect.sync(() => socket.destroy())
    ),
    (socket) => {
      const chunks: Array<string> = []
      socket.on("data", (chunk) => void chunks.push(String(chunk)))
      const closed = new Promise<string>((resolve) => socket.once("close", () => resolve(chunks.join(""))))
      socket.write(chunkedHead)
      return { socket, received: Effect.promise(() => closed) }
    }
  )

const chunkedHead = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
const largeChunk = `${(100_000).toString(16)}\r\n${"x".repeat(100_000)}\r\n0\r\n\r\n`
const tinyChunks = `${"1\r\nx\r\n".repeat(1_000)}0\r\n\r\n`

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
      assert.deepStrictEqual(statusesIn(yield* trickle(portOf(yield* hasty))), ["404"])
    }).pipe(Effect.scoped))

  it.live("is answered with a few others in a turn of the event loop when 100 requests time out at once", () =>
    Effect.gen(function*() {
      const server = yield* hasty
      const ends = slowEnds(server)
      const answers = yield* Effect.forEach(
        Array.from({ length: 100 }),
        () => exchange(portOf(server), "POST / HTTP/1.1\r\nX: "),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(new Set(answers.flatMap(statusesIn)), new Set(["408"]))
      assert.lengthOf(answers.flatMap(statusesIn), 100)
      assert.isAtMost(ends.most, 10)
    }).pipe(Effect.scoped))

  it.live("that delivered before does not wait for the tiny chunks of 300 others, and all are answered", () =>
    Effect.gen(function*() {
      const { counts, port } = yield* counting
      const deliver = yield* lasting(port)
      yield* deliver
      const crowd = yield* Effect.forEach(Array.from({ length: 300 }), () => receiving(port))
      yield* until("300 heads", Effect.sync(() => counts.begun), (count) => count === 301)
      for (const { socket } of crowd) socket.end(tinyChunks)
      assert.match(yield* deliver, /200 OK/)
      assert.isAtMost(counts.ended, 150)
      for (const { received } of crowd) assert.match(yield* received, /200 OK[^]*1000/)
    }).pipe(Effect.scoped))

  it.live("is answered when 300 connections send more at once than may wait", () =>
    Effect.gen(function*() {
      const { counts, port } = yield* counting
      const crowd = yield* Effect.forEach(Array.from({ length: 300 }), () => receiving(port))
      yield* until("300 heads", Effect.sync(() => counts.begun), (count) => count === 300)
      for (const { socket } of crowd) socket.end(largeChunk)
      for (const { received } of crowd) assert.match(yield* received, /200 OK[^]*100000/)
    }).pipe(Effect.scoped))
})
