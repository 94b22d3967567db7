import { assert, layer } from "@effect/vitest"
import { Context, Effect, Fiber, type Layer, Option } from "effect"
import { Buffer } from "node:buffer"
import { brotliCompressSync } from "node:zlib"
import { EventLog } from "../../src/EventLog/EventLog.ts"
import * as Signature from "../../src/Signature/Signature.ts"
import { deliver, raw, rawAnswer, send } from "../support/Http.ts"
import { scanCreated, signed } from "../support/Webhook.ts"

/** A receiver on a local port, with a body limit of 4,096 bytes. */
export class Receiver extends Context.Service<Receiver, { readonly port: number; readonly path: string }>()(
  "test/Receiver"
) {}

export const maxBodyBytes = 4_096

const webhook = Effect.map(Receiver, ({ path, port }) => `http://127.0.0.1:${port}${path}`)

const lines = ({ path }: Receiver["Service"], ...headers: ReadonlyArray<string>) =>
  `POST ${path} HTTP/1.1\r\n${["Host: localhost", "Connection: close", ...headers].join("\r\n")}\r\n\r\n`

/**
 * The contract of a webhook receiver, whatever server it runs in. It uses real HTTP and a real broker.
 * `keepsConnections` is false for a server that closes a connection whose body was not read.
 */
export const suite = <E>(
  name: string,
  receiver: Layer.Layer<Receiver | EventLog, E>,
  { keepsConnections = true }: { readonly keepsConnections?: boolean } = {}
) =>
  layer(receiver, { excludeTestServices: true })(`a webhook on ${name}`, (it) => {
    it.effect("answers 200 to a new event, a duplicate, and a signed body that is not an event", () =>
      Effect.gen(function*() {
        const url = yield* webhook
        const answers = yield* Effect.forEach(
          [scanCreated("evt_1"), scanCreated("evt_1"), "{", `{"id":"evt_2"}`],
          (body) => deliver(url, signed(body))
        )
        assert.deepStrictEqual(answers.map(({ body, status }) => [status, body]), [
          [200, { ok: true, id: "evt_1", duplicate: false }],
          [200, { ok: true, id: "evt_1", duplicate: true }],
          [200, { ok: true, id: null, duplicate: false, quarantined: "invalid_json" }],
          [200, { ok: true, id: "evt_2", duplicate: false, quarantined: "invalid_envelope" }]
        ])
      }))

    it.effect("stores the bytes that were signed, with their signature", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const delivery = signed(
          `{ "id":"evt_bytes",  "event":"scan.created","data":{"id":"Zoë","n":1e400} }\n`
        )
        const { lastSequence } = yield* log.state
        assert.strictEqual((yield* deliver(yield* webhook, delivery)).status, 200)
        const stored = Option.getOrThrow(yield* log.first({ after: lastSequence, filter: "3qpr.>" }))
        assert.strictEqual(Buffer.compare(stored.body, delivery.body), 0)
        assert.strictEqual(stored.headers["3qpr-signature"], delivery.signature)
      }))

    it.effect("answers 400 to a signature that is missing, malformed, wrong, or given twice, and stores nothing", () =>
      Effect.gen(function*() {
        const url = yield* webhook
        const receiver = yield* Receiver
        const { lastSequence } = yield* (yield* EventLog).state
        const { body, signature } = signed(scanCreated("evt_forged"))
        const missing = yield* send(url, { method: "POST", body: new Uint8Array(body) })
        assert.deepStrictEqual([missing.status, missing.body], [400, { error: "missing_signature" }])
        for (const wrong of ["", "sha256=00", signature.replace("sha256=", ""), `sha256=${"0".repeat(64)}`]) {
          const answer = yield* deliver(url, { body, signature: wrong })
          assert.deepStrictEqual([answer.status, answer.body], [400, { error: "invalid_signature" }], wrong)
        }
        const header = `${Signature.header}: ${signature}`
        const twice = lines(receiver, header, header, `Content-Length: ${body.length}`)
        assert.match(yield* raw(receiver.port, twice, body), /^HTTP\/1\.1 400 [^]*ambiguous_signature/)
        assert.strictEqual((yield* (yield* EventLog).state).lastSequence, lastSequence)
      }))

    it.effect("answers 413 to a body over the limit, declared or streamed, and takes one at the limit", () =>
      Effect.gen(function*() {
        const url = yield* webhook
        const receiver = yield* Receiver
        const padded = (size: number) => signed(scanCreated("evt_3").padEnd(size))
        assert.strictEqual((yield* deliver(url, padded(maxBodyBytes))).status, 200)
        const declared = yield* deliver(url, padded(maxBodyBytes + 1))
        assert.deepStrictEqual([declared.status, declared.body], [413, { error: "body_too_large" }])
        const chunk = `800\r\n${"x".repeat(0x800)}\r\n`
        const chunked = lines(receiver, "Transfer-Encoding: chunked")
        const streamed = yield* raw(receiver.port, chunked, chunk, chunk, chunk, "0\r\n\r\n")
        assert.match(streamed, /^HTTP\/1\.1 413 [^]*body_too_large/)
      }))

    it.effect("accepts the next delivery of a connection after one that it did not read", () =>
      Effect.gen(function*() {
        const { path, port } = yield* Receiver
        const { body, signature } = signed(scanCreated("evt_behind"))
        const large = "x".repeat(300_000)
        for (const header of ["X-More: 1", "Content-Encoding: br"]) {
          const unread =
            `POST ${path} HTTP/1.1\r\nHost: x\r\n${header}\r\nContent-Length: ${large.length}\r\n\r\n`
          const next = lines(
            yield* Receiver,
            `${Signature.header}: ${signature}`,
            `Content-Length: ${body.length}`
          )
          assert.match(
            yield* raw(port, unread, large, next, body).pipe(Effect.timeout("10 seconds")),
            keepsConnections
              ? /^HTTP\/1\.1 41[35] [^]*HTTP\/1\.1 200 [^]*"id":"evt_behind"/
              : /^HTTP\/1\.1 41[35] /,
            header
          )
        }
      }))

    it.effect("accepts a body that arrives byte by byte", () =>
      Effect.gen(function*() {
        const receiver = yield* Receiver
        const { body, signature } = signed(scanCreated("evt_parts", { city: "Zürich" }))
        const chunks = Array.from(
          body,
          (_, at) => Buffer.concat([Buffer.from("1\r\n"), body.subarray(at, at + 1), Buffer.from("\r\n")])
        )
        const head = lines(receiver, `${Signature.header}: ${signature}`, "Transfer-Encoding: chunked")
        assert.match(
          yield* raw(receiver.port, head, ...chunks, "0\r\n\r\n"),
          /^HTTP\/1\.1 200 [^]*"id":"evt_parts"/
        )
      }))

    it.effect("answers 415 to a compressed body without inflating it, and accepts `identity`", () =>
      Effect.gen(function*() {
        const url = yield* webhook
        const bomb = brotliCompressSync(Buffer.alloc(1_000_000))
        const answer = yield* deliver(url, signed(bomb), { "content-encoding": "br" })
        assert.deepStrictEqual([answer.status, answer.body], [415, { error: "unsupported_encoding" }])
        const identity = yield* deliver(url, signed(scanCreated("evt_4")), { "content-encoding": "Identity" })
        assert.strictEqual(identity.status, 200)
      }))

    it.effect("answers 405 to other methods and names the allowed method", () =>
      Effect.gen(function*() {
        const get = yield* send(yield* webhook)
        assert.deepStrictEqual([get.status, get.body, get.headers.get("allow")], [
          405,
          { error: "method_not_allowed" },
          "POST"
        ])
        assert.strictEqual((yield* send(yield* webhook, { method: "PUT", body: "x" })).status, 405)
        const { path, port } = yield* Receiver
        const trace = `TRACE ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`
        assert.match(yield* raw(port, trace), /^HTTP\/1\.1 405 [^]*method_not_allowed/)
      }))

    it.effect("accepts a delivery whose request line has credentials, a host, or characters of no URL", () =>
      Effect.gen(function*() {
        const { path, port } = yield* Receiver
        const { body, signature } = signed(scanCreated("evt_address"))
        for (const target of [`http://user:secret@localhost${path}`, `${path}?from=%zz|{"`]) {
          const head = lines(
            { path: target, port },
            `${Signature.header}: ${signature}`,
            `Content-Length: ${body.length}`
          )
          assert.match(yield* raw(port, head, body), /^HTTP\/1\.1 200 [^]*"id":"evt_address"/, target)
        }
      }))

    it.effect("answers 408 to an incomplete body within 3QPR's five seconds, and accepts others meanwhile", () =>
      Effect.gen(function*() {
        const receiver = yield* Receiver
        const started = performance.now()
        const slow = yield* Effect.forkChild(
          rawAnswer(receiver.port, lines(receiver, "Content-Length: 20"), "half")
        )
        assert.strictEqual((yield* deliver(yield* webhook, signed(scanCreated("evt_5")))).status, 200)
        assert.match(yield* Fiber.join(slow), /^HTTP\/1\.1 408 [^]*body_too_slow/)
        assert.isBelow(performance.now() - started, 5_000)
      }))

    it.effect("stores one of 50 concurrent identical deliveries, and answers each with 200", () =>
      Effect.gen(function*() {
        const url = yield* webhook
        const answers = yield* Effect.forEach(
          Array.from({ length: 50 }),
          () => deliver(url, signed(scanCreated("evt_crowd"))),
          { concurrency: "unbounded" }
        )
        assert.isTrue(answers.every(({ status }) => status === 200))
        const stored = answers.filter(({ body }) =>
          (body as { readonly duplicate: boolean }).duplicate === false
        )
        assert.lengthOf(stored, 1)
      }))
  })
