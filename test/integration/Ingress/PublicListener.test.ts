import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { Buffer } from "node:buffer"
import { AppendFailed, type Entry, EventLog, type Stored } from "../../../src/EventLog/EventLog.ts"
import { type HttpOptions, PublicListener } from "../../../src/Ingress/Http.ts"
import { Ingress } from "../../../src/Ingress/Ingress.ts"
import * as Signature from "../../../src/Signature/Signature.ts"
import { deliver, raw, send } from "../../support/Http.ts"
import * as Memory from "../../support/MemoryLog.ts"
import { poll } from "../../support/Until.ts"
import { scanCreated, secret, signed } from "../../support/Webhook.ts"

const listener = (options: Partial<HttpOptions> = {}) =>
  PublicListener.layer({ host: "127.0.0.1", port: 0, maxBodyBytes: 4_096, maxInFlight: 8, ...options }).pipe(
    Layer.provide(Ingress.layer(Signature.verifier([secret])))
  )

const webhook = Effect.map(PublicListener, ({ url }) => `${url}/webhooks/3qpr`)

/** A log whose appends end as the test decides. */
const controlled = (settle: (entry: Entry) => Effect.Effect<Stored, AppendFailed>) =>
  Layer.mock(EventLog, {
    append: settle,
    health: Effect.succeed({ ready: false, reason: "the broker is not connected" }),
    durability: "none",
    maxBodyBytes: 1_000_000
  })

/** A log that accepts larger bodies than a broker does. */
const roomy = Layer.mock(EventLog, {
  append: () => Effect.succeed({ sequence: 1, duplicate: false }),
  health: Effect.succeed({ ready: true as const }),
  durability: "none",
  maxBodyBytes: 20_000_000
})

const head = (length: number | string, more = "") =>
  `POST /webhooks/3qpr HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n${more}\r\n`

layer(listener().pipe(Layer.provideMerge(Memory.layer())), { excludeTestServices: true })(
  "the public listener",
  (it) => {
    it.effect("answers 405 to other methods and 404 to other paths", () =>
      Effect.gen(function*() {
        const { url } = yield* PublicListener
        const get = yield* send(`${url}/webhooks/3qpr`)
        assert.deepStrictEqual([get.status, get.headers.get("allow")], [405, "POST"])
        for (const path of ["/", "/v1/scans", "/metrics", "/webhooks/3qpr//", "/webhooks"]) {
          assert.strictEqual((yield* send(`${url}${path}`)).status, 404, path)
        }
      }))

    it.effect("accepts deliveries with a slash at the end of the path, and with an absolute URL as request target", () =>
      Effect.gen(function*() {
        const { port, url } = yield* PublicListener
        assert.strictEqual(
          (yield* deliver(`${url}/webhooks/3qpr/`, signed(scanCreated("evt_slash")))).status,
          200
        )
        const { body, signature } = signed(scanCreated("evt_absolute"))
        const answer = yield* raw(
          port,
          `POST http://localhost/webhooks/3qpr?from=proxy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n`
            + `X-3QPR-Signature: ${signature}\r\nContent-Length: ${body.length}\r\n\r\n`,
          body
        )
        assert.match(answer, /^HTTP\/1\.1 200 [^]*"id":"evt_absolute"/)
      }))

    it.effect("records a signed request to a wrong path, and no unsigned one", () =>
      Effect.gen(function*() {
        const { rejections, url } = yield* PublicListener
        const before = rejections.refused
        assert.strictEqual((yield* deliver(`${url}/3qpr`, signed(scanCreated("evt_lost")))).status, 404)
        assert.strictEqual((yield* send(`${url}/wp-login.php`, { method: "POST", body: "a=b" })).status, 404)
        assert.strictEqual(rejections.refused, before + 1)
        assert.deepInclude(rejections.all()[0], { reason: "wrong_path", path: "/3qpr" })
        // Bodies can hold personal data, so rejected requests are kept for one hour only.
        rejections.expire(performance.now() + 3_590_000)
        assert.isNotEmpty(rejections.all())
        rejections.expire(performance.now() + 3_610_000)
        assert.deepStrictEqual([rejections.all(), rejections.refused], [[], before + 1])
      }))

    it.effect("answers the next request of a connection after each response that leaves a large body unread", () =>
      Effect.gen(function*() {
        const { port } = yield* PublicListener
        const large = "x".repeat(300_000)
        const { body, signature } = signed(scanCreated("evt_behind"))
        const requests = [
          ["404", "POST /nope", "", large],
          ["405", "PUT /webhooks/3qpr", "", large],
          ["200", "GET /livez", "", large],
          ["415", "POST /webhooks/3qpr", "Content-Encoding: br\r\n", large],
          ["413", "POST /webhooks/3qpr", "", large]
        ] as const
        for (const [status, line, header, unread] of requests) {
          const answers = yield* raw(
            port,
            `${line} HTTP/1.1\r\nHost: localhost\r\n${header}Content-Length: ${unread.length}\r\n\r\n`,
            unread,
            `POST /webhooks/3qpr HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n`
              + `X-3QPR-Signature: ${signature}\r\nContent-Length: ${body.length}\r\n\r\n`,
            body
          ).pipe(Effect.timeout("10 seconds"))
          assert.match(
            answers,
            new RegExp(`^HTTP/1\\.1 ${status} [^]*HTTP/1\\.1 200 [^]*"id":"evt_behind"`),
            line
          )
        }
      }))

    it.effect("treats an empty Content-Encoding as none", () =>
      Effect.gen(function*() {
        const answer = yield* deliver(yield* webhook, signed(scanCreated("evt_empty")), {
          "content-encoding": ""
        })
        assert.strictEqual(answer.status, 200)
      }))

    it.effect("answers requests that are not HTTP, have a long head, or are ambiguous, without a 500", () =>
      Effect.gen(function*() {
        const { port } = yield* PublicListener
        assert.match(yield* raw(port, "NONSENSE\r\n\r\n"), /^HTTP\/1\.1 400 /)
        assert.match(yield* raw(port, head(2, `X: ${"x".repeat(20_000)}\r\n`)), /^HTTP\/1\.1 431 /)
        // Signed, so that nothing else refuses them: a body whose end is ambiguous.
        const { body, signature } = signed(scanCreated("evt_smuggled"))
        const header = `${Signature.header}: ${signature}\r\n`
        const chunked = `${body.length.toString(16)}\r\n${String(body)}\r\n0\r\n\r\n`
        const both = head(body.length, `${header}Transfer-Encoding: chunked\r\n`)
        assert.match(yield* raw(port, both, chunked), /^HTTP\/1\.1 400 /)
        const twice = head(body.length, `${header}Content-Length: ${body.length}\r\n`)
        assert.match(yield* raw(port, twice, String(body)), /^HTTP\/1\.1 400 /)
      }))

    it.effect("is live and ready while the log is", () =>
      Effect.gen(function*() {
        const { url } = yield* PublicListener
        assert.strictEqual((yield* send(`${url}/livez`)).status, 200)
        const ready = yield* send(`${url}/readyz`)
        assert.strictEqual(ready.status, 200)
        // No details of the broker, its version and its storage, because this route is public.
        assert.deepStrictEqual(ready.body, { ready: true })
      }))

    it.effect("stores an event whose sender disconnects before the response; the retry is a duplicate", () =>
      Effect.gen(function*() {
        const { port } = yield* PublicListener
        const { entries } = yield* (yield* EventLog).state
        const { body, signature } = signed(scanCreated("evt_5"))
        const request = Buffer.concat([
          Buffer.from(head(body.length, `${Signature.header}: ${signature}\r\n`)),
          body
        ])
        const gone = yield* Effect.forkChild(raw(port, request))
        const log = yield* EventLog
        yield* poll(log.state, (state) => state.entries > entries)
        yield* Fiber.interrupt(gone)
        const again = yield* deliver(yield* webhook, signed(scanCreated("evt_5")))
        assert.deepStrictEqual(again.body, { ok: true, id: "evt_5", duplicate: true })
      }))
  }
)

describe.concurrent("the public listener when nothing can be stored", () => {
  it.live("answers 503 with Retry-After at once, and reports why it is not ready", () =>
    Effect.gen(function*() {
      const answer = yield* deliver(yield* webhook, signed(scanCreated("evt_1")))
      assert.deepStrictEqual([answer.status, answer.body], [503, { error: "unavailable" }])
      assert.isNotNull(answer.headers.get("retry-after"))
      const ready = yield* send(`${(yield* PublicListener).url}/readyz`)
      assert.strictEqual(ready.status, 503)
      assert.include(ready.body, { reason: "the broker is not connected" })
    }).pipe(Effect.provide(
      listener().pipe(
        Layer.provide(
          controlled(() => Effect.fail(new AppendFailed({ reason: "disconnected", message: "" })))
        )
      )
    )))

  it.live("answers 503 within four seconds when the log never answers", () =>
    Effect.gen(function*() {
      const started = performance.now()
      const answer = yield* deliver(yield* webhook, signed(scanCreated("evt_1"))).pipe(
        Effect.timeout("10 seconds")
      )
      assert.strictEqual(answer.status, 503)
      assert.isBelow(performance.now() - started, 5_000)
    }).pipe(Effect.provide(listener().pipe(Layer.provide(controlled(() => Effect.never))))))

  it.live("answers 503, never 500, when the log breaks", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* deliver(yield* webhook, signed(scanCreated("evt_1")))).status, 503)
    }).pipe(Effect.provide(listener().pipe(Layer.provide(controlled(() => Effect.die("bug")))))))

  it.live("answers 503 without reading the body above its limit of deliveries in flight, and stores again below it", () =>
    Effect.gen(function*() {
      const stored = yield* Deferred.make<Stored>()
      let waiting = 0
      const log = controlled(() => {
        waiting++
        return Deferred.await(stored)
      })
      yield* Effect.gen(function*() {
        const url = yield* webhook
        const { port } = yield* PublicListener
        const inFlight = yield* Effect.forEach(
          ["a", "b"],
          (id) => Effect.forkChild(deliver(url, signed(scanCreated(id))))
        )
        yield* Effect.repeat(Effect.yieldNow, { until: () => waiting === 2 })
        // The declared body is never sent, so a response shows that the listener did not wait for it.
        const shed = yield* raw(port, head(20, "Connection: close\r\n"))
        assert.match(shed, /^HTTP\/1\.1 503 /)
        yield* Deferred.succeed(stored, { sequence: 1, duplicate: false })
        for (const fiber of inFlight) assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
        assert.strictEqual((yield* deliver(url, signed(scanCreated("c")))).status, 200)
      }).pipe(Effect.provide(listener({ maxInFlight: 2 }).pipe(Layer.provide(log))))
    }))

  it.live("accepts an event while four times its limit of bodies arrive slowly, and answers those 408", () =>
    Effect.gen(function*() {
      const { port } = yield* PublicListener
      const url = yield* webhook
      const slow = yield* Effect.forEach(
        Array.from({ length: 32 }),
        () => Effect.forkChild(raw(port, head(20), "half"))
      )
      for (let count = 0; count < 20; count++) {
        assert.strictEqual((yield* deliver(url, signed(scanCreated(`evt_${count}`)))).status, 200)
      }
      for (const fiber of slow) assert.match(yield* Fiber.join(fiber), /^HTTP\/1\.1 408 /)
    }).pipe(Effect.provide(listener({ maxInFlight: 8 }).pipe(Layer.provide(Memory.layer())))))

  it.live("sheds the oldest unfinished body when all bodies together are too large", () =>
    Effect.gen(function*() {
      const { port } = yield* PublicListener
      const size = 16_000_000
      const part = Buffer.alloc(size - 1)
      const slow = yield* Effect.forEach(
        Array.from({ length: 4 }),
        () => Effect.forkChild(raw(port, head(size), part))
      )
      const answers = yield* Effect.forEach(slow, Fiber.join)
      const shed = answers.filter((answer) => answer.startsWith("HTTP/1.1 503 "))
      const waited = answers.filter((answer) => answer.startsWith("HTTP/1.1 408 "))
      assert.deepStrictEqual([shed.length >= 1, shed.length + waited.length], [true, 4], answers.join("\n"))
      assert.strictEqual((yield* deliver(yield* webhook, signed(scanCreated("evt_1")))).status, 200)
    }).pipe(
      Effect.provide(listener({ maxBodyBytes: 17_000_000 }).pipe(Layer.provide(roomy)))
    ))

  it.live("refuses a body in many tiny parts, and stops reading it", () =>
    Effect.gen(function*() {
      const { port } = yield* PublicListener
      const lines = "POST /webhooks/3qpr HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      const answer = yield* raw(
        port,
        lines,
        ...Array.from({ length: 100 }, () => "1\r\nx\r\n".repeat(10_000))
      )
      assert.match(answer, /^HTTP\/1\.1 413 |^\[/)
    }).pipe(
      Effect.provide(listener({ maxBodyBytes: 17_000_000 }).pipe(Layer.provide(roomy)))
    ))

  it.live("answers requests in flight before it stops, and accepts no new ones", () =>
    Effect.gen(function*() {
      const stored = yield* Deferred.make<Stored>()
      const arrived = yield* Deferred.make<void>()
      const log = controlled(() =>
        Effect.andThen(Deferred.succeed(arrived, undefined), Deferred.await(stored))
      )
      const scope = yield* Scope.make()
      const services = yield* Layer.buildWithScope(listener().pipe(Layer.provide(log)), scope)
      const { url } = Context.get(services, PublicListener)
      const inFlight = yield* Effect.forkChild(deliver(`${url}/webhooks/3qpr`, signed(scanCreated("evt_1"))))
      yield* Deferred.await(arrived)
      const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      let refused = 0
      yield* poll(
        Effect.promise(() => fetch(`${url}/livez`).then(() => (refused = 0), () => refused++)),
        () => refused === 10
      )
      yield* Deferred.succeed(stored, { sequence: 1, duplicate: false })
      assert.strictEqual((yield* Fiber.join(inFlight)).status, 200)
      yield* Fiber.join(stopping)
    }))
})
