import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Context,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  Redacted,
  type Scope,
  Stream,
  Tracer
} from "effect"
import { FetchHttpClient } from "effect/http"
import { spawnSync } from "node:child_process"
import { createServer } from "node:https"
import { inspect } from "node:util"
import { ThreeQpr } from "../../src/ThreeQpr.ts"
import type { Options } from "../../src/ThreeQpr/Requests.ts"
import { type Answer, answers, cut, json, silence } from "../support/Answers.ts"
import { scanOfTheReference } from "../support/Webhook.ts"

const key = Redacted.make("3qpr_sk_live_of_the_tests")
const webhook = { url: "https://hooks.example.com/webhooks/3qpr", events: ["scan.created"] }
const secret = "whsec_told_only_once"
const registered = json(200, {
  id: "wh_1",
  ...webhook,
  secret,
  active: true,
  created_at: "2026-03-20T12:00:00Z"
})
const scan = (id: string, more: object = {}) => ({ ...scanOfTheReference, id, ...more })
const page = (scans: ReadonlyArray<object>, total = scans.length, headers = {}) =>
  json(200, { scans, total, limit: 200, offset: 0 }, headers)

const clientOf = (url: string, options: Partial<Options> = {}) =>
  ThreeQpr.layer({ url, key, timeout: "5 seconds", ...options }).pipe(
    Layer.provide(FetchHttpClient.layer),
    Layer.build,
    Effect.map((context) => Context.get(context, ThreeQpr))
  )

const register = (url: string, options: Partial<Options> = {}) =>
  Effect.flatMap(clientOf(url, options), (client) => client.register(webhook))

const idsOf = (url: string, options: Partial<Options> = {}) =>
  Effect.flatMap(
    clientOf(url, options),
    (client) => Stream.runCollect(Stream.map(client.scans(), ({ id }) => id))
  )

const test = (title: string, body: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(title, () => Effect.scoped(body))

describe("register", () => {
  test(
    "gives what 3QPR answers, its secret redacted",
    Effect.gen(function*() {
      const server = yield* answers([registered])
      const registration = yield* register(server.url)
      assert.strictEqual(registration.id, "wh_1")
      assert.deepStrictEqual(registration.events, webhook.events)
      assert.strictEqual(registration.active, true)
      assert.strictEqual(registration.createdAt, "2026-03-20T12:00:00Z")
      assert.strictEqual(Redacted.value(registration.secret), secret)
      assert.notInclude(JSON.stringify(registration), secret)
      assert.deepInclude(server.requests[0], {
        method: "POST",
        url: "/v1/webhooks",
        authorization: `Bearer ${Redacted.value(key)}`
      })
    })
  )

  test(
    "keeps a secret that comes with little else, and fields that are null",
    Effect.gen(function*() {
      const server = yield* answers([json(200, { id: "wh_1", secret, url: null, active: null, more: {} })])
      const registration = yield* register(server.url)
      assert.strictEqual(Redacted.value(registration.secret), secret)
      assert.strictEqual(registration.url, webhook.url)
      assert.strictEqual(registration.active, null)
    })
  )

  const unknownOutcomes: Readonly<Record<string, Answer>> = {
    "a 503": json(503, {}),
    "a 408": json(408, {}),
    "a lost connection": cut,
    "a time-out": silence,
    "an answer without a secret": json(200, { id: "wh_1" }),
    "an answer that is cut off": (response) =>
      void response.writeHead(200, { "content-length": 100 }).write("{", () => response.destroy())
  }
  for (const [what, answer] of Object.entries(unknownOutcomes)) {
    test(
      `never asks twice after ${what}, and tells that the webhook may have been created`,
      Effect.gen(function*() {
        const server = yield* answers([answer, registered])
        const failure = yield* Effect.flip(register(server.url, { timeout: "300 millis" }))
        assert.include(failure.message, "may have been created")
        assert.isFalse(failure.retriable)
        assert.strictEqual(server.requests.length, 1)
      })
    )
  }

  test(
    "asks again after a 429, when the time has come that Retry-After names as a date",
    Effect.gen(function*() {
      const server = yield* answers([
        (response) => {
          const date = new Date(Date.now() + 2_000).toUTCString()
          json(429, {}, { "retry-after": date })(response, response.req)
        },
        registered
      ])
      assert.strictEqual((yield* register(server.url)).id, "wh_1")
      const [first, second] = server.requests
      // An HTTP date has whole seconds, in both headers.
      assert.isAtLeast((second?.at ?? 0) - (first?.at ?? 0), 990)
    })
  )

  test(
    "asks again when the connection was refused: nothing was sent",
    Effect.gen(function*() {
      const { port, url } = yield* Effect.scoped(answers([registered]))
      const asking = yield* Effect.forkScoped(register(url))
      yield* Effect.sleep("150 millis")
      const server = yield* answers([registered], port)
      assert.strictEqual((yield* Fiber.join(asking)).id, "wh_1")
      assert.strictEqual(server.requests.length, 1)
    })
  )
})

describe("scans", () => {
  test(
    "asks for page after page until the total is reached, and keeps every field",
    Effect.gen(function*() {
      const server = yield* answers([
        page([scan("a", { new_field: 1, city: null }), scan("b")], 3),
        page([scan("c")], 3)
      ])
      const client = yield* clientOf(server.url)
      const scans = yield* Stream.runCollect(
        client.scans({ qpr_code_id: "qpr_1", since: "2026-03-20T00:00:00Z" }, 2)
      )
      assert.deepStrictEqual(scans, [scan("a", { new_field: 1, city: null }), scan("b"), scan("c")])
      assert.deepStrictEqual(server.requests.map(({ url }) => url), [
        "/v1/scans?qpr_code_id=qpr_1&since=2026-03-20T00%3A00%3A00Z&limit=2&offset=0",
        "/v1/scans?qpr_code_id=qpr_1&since=2026-03-20T00%3A00%3A00Z&limit=2&offset=2"
      ])
    })
  )

  test(
    "gives no scan twice when new ones move the others along",
    Effect.gen(function*() {
      const server = yield* answers([page([scan("b"), scan("a")], 3), page([scan("a"), scan("z")], 4)])
      assert.deepStrictEqual(yield* idsOf(server.url), ["b", "a", "z"])
    })
  )

  test(
    "fails when pages end before the total is reached",
    Effect.gen(function*() {
      const server = yield* answers([page([scan("a")], 3), page([], 3)])
      assert.include((yield* Effect.flip(idsOf(server.url))).message, "3 scans")
    })
  )

  test(
    "asks again after 503, 500, 408 and a lost connection",
    Effect.gen(function*() {
      const server = yield* answers([json(503, {}), cut, json(500, {}), json(408, {}), page([scan("a")])])
      assert.deepStrictEqual(yield* idsOf(server.url), ["a"])
    })
  )

  test(
    "gives up after five attempts, and may be tried again later",
    Effect.gen(function*() {
      const server = yield* answers([json(502, {})])
      const failure = yield* Effect.flip(idsOf(server.url))
      assert.deepInclude(failure, { status: 502, retriable: true })
      assert.strictEqual(server.requests.length, 5)
    })
  )

  test(
    "gives up on a server that never answers",
    Effect.gen(function*() {
      const server = yield* answers([silence])
      const failure = yield* Effect.flip(idsOf(server.url, { timeout: "50 millis" }))
      assert.include(failure.message, "does not answer in time")
      assert.isTrue(failure.retriable)
      assert.strictEqual(server.requests.length, 5)
    })
  )

  test(
    "names the host that cannot be reached",
    Effect.gen(function*() {
      const { url } = yield* Effect.scoped(answers([silence]))
      const failure = yield* Effect.flip(idsOf(url))
      assert.include(failure.message, `${url.slice("http://".length)} cannot be reached`)
    })
  )

  test(
    "tells of a TLS certificate that it does not trust, and sends nothing",
    Effect.gen(function*() {
      const { requests, url } = yield* selfSigned
      const failure = yield* Effect.flip(idsOf(url))
      assert.include(failure.message, "certificate")
      assert.isFalse(failure.retriable)
      assert.strictEqual(requests(), 0)
    })
  )

  test(
    "sends nothing more until the reset when nothing remains of the quota",
    Effect.gen(function*() {
      const usedUp = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1" }
      const server = yield* answers([page([scan("a")], 2, usedUp), page([scan("b")], 2)])
      assert.deepStrictEqual(yield* idsOf(server.url), ["a", "b"])
      const [first, second] = server.requests
      assert.isAtLeast((second?.at ?? 0) - (first?.at ?? 0), 990)
    })
  )

  test(
    "fails at once, telling how long, when 3QPR asks for a wait of more than two minutes",
    Effect.gen(function*() {
      const server = yield* answers([json(429, {}, { "retry-after": "600" })])
      const failure = yield* Effect.flip(idsOf(server.url))
      assert.match(failure.message, /(600|599) seconds/)
      assert.deepInclude(failure, { status: 429, retriable: true })
      assert.strictEqual(server.requests.length, 1)
    })
  )
})

describe("a failure", () => {
  const refusals = {
    400: "does not accept",
    401: "THREEQPR_API_KEY",
    402: "plan",
    403: "revoked",
    404: "THREEQPR_API_URL",
    422: "does not accept"
  }
  for (const [status, meaning] of Object.entries(refusals)) {
    test(
      `of ${status} tells what it means and what 3QPR says, and is not tried again`,
      Effect.gen(function*() {
        const server = yield* answers([json(Number(status), { error: { message: "because so" } })])
        for (
          const failure of [yield* Effect.flip(register(server.url)), yield* Effect.flip(idsOf(server.url))]
        ) {
          assert.include(failure.message, meaning)
          assert.include(failure.message, "because so")
          assert.notInclude(failure.message, "may have been created")
          assert.deepInclude(failure, { status: Number(status), retriable: false })
        }
        assert.strictEqual(server.requests.length, 2)
      })
    )
  }

  test(
    "names the place of a field that is wrong, not its value",
    Effect.gen(function*() {
      const server = yield* answers([page([scan("a"), scan("b", { city: 987654 })])])
      const failure = yield* Effect.flip(idsOf(server.url))
      assert.include(failure.message, "scans.1.city")
      assert.notInclude(failure.message, "987654")
      assert.strictEqual(server.requests.length, 1)
    })
  )

  test(
    "tells of a body that is no JSON by its content type",
    Effect.gen(function*() {
      const server = yield* answers([
        (response) => void response.setHeader("content-type", "text/html").end("<html>a login page</html>")
      ])
      const failure = yield* Effect.flip(idsOf(server.url))
      assert.include(failure.message, "text/html")
      assert.notInclude(failure.message, "login")
    })
  )

  test(
    "comes of a redirect, which is not followed: the key goes nowhere else",
    Effect.gen(function*() {
      const elsewhere = yield* answers([page([scan("a")])])
      const server = yield* answers([
        (response) => void response.writeHead(302, { location: `${elsewhere.url}/v1/scans` }).end()
      ])
      assert.strictEqual((yield* Effect.flip(idsOf(server.url))).status, 302)
      assert.strictEqual(elsewhere.requests.length, 0)
    })
  )

  test(
    "comes of a key that no key can be, before anything is sent",
    Effect.gen(function*() {
      const server = yield* answers([registered])
      for (const text of ["", "3qpr_sk a", "3qpr_sk\n", "3qpr_sk\u00e9"]) {
        const failure = yield* Effect.flip(register(server.url, { key: Redacted.make(text) }))
        assert.include(failure.message, "THREEQPR_API_KEY")
        assert.notInclude(failure.message, "3qpr_sk")
      }
      assert.strictEqual(server.requests.length, 0)
    })
  )
})

it.live("neither key nor secret gets into messages, JSON, logs or spans", () =>
  Effect.gen(function*() {
    const key = Redacted.make("a_key_of_another_form")
    const neighbour = "3qpr_sk_live_of_somebody_else"
    const seen: Array<unknown> = []
    const spans: Array<Tracer.NativeSpan> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    const echo = {
      message: `no ${Redacted.value(key)} nor ${neighbour}, not for ${secret}`,
      secret,
      key: Redacted.value(key)
    }
    const unlucky: ReadonlyArray<Answer> = [
      registered,
      json(422, echo),
      json(401, { error: echo }),
      json(500, echo),
      json(200, { id: 1, ...echo }),
      json(200, { id: "wh", secret: { nested: secret } }),
      (response) => void response.end(`${secret} ${Redacted.value(key)}`),
      cut
    ]
    for (const answer of unlucky) {
      const server = yield* answers([answer])
      const exit = yield* Effect.exit(register(server.url, { key })).pipe(
        Effect.tap((exit) => Effect.logError("failed", exit)),
        Effect.withTracer(tracer)
      )
      seen.push(exit, String(exit), JSON.stringify(exit))
      if (Exit.isFailure(exit)) seen.push(Cause.pretty(exit.cause))
    }
    assert.isAbove(spans.length, unlucky.length)
    for (const { attributes, events, name, status } of spans) {
      seen.push(name, [...attributes], events)
      if (status._tag === "Ended") {
        seen.push(JSON.stringify(status.exit), status.exit)
        if (Exit.isFailure(status.exit)) seen.push(Cause.pretty(status.exit.cause))
      }
    }
    const text = seen.map((value) => typeof value === "string" ? value : inspect(value, { depth: 20 })).join()
    assert.notInclude(text, secret)
    assert.notInclude(text, Redacted.value(key))
    assert.notInclude(text, neighbour)
  }).pipe(
    Effect.provide(
      Logger.layer([Logger.make(({ message }) => logged.push(inspect(message, { depth: 20 })))])
    ),
    Effect.andThen(Effect.sync(() => {
      assert.isAbove(logged.length, 0)
      assert.notInclude(logged.join(), secret)
      assert.notInclude(logged.join(), "a_key_of_another_form")
    })),
    Effect.scoped
  ))

const logged: Array<string> = []

/** An HTTPS server whose certificate nobody signed. */
const selfSigned = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly requests: () => number; readonly close: () => void }>(
    (resume) => {
      const request = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout - -out -"
      const { stdout } = spawnSync("openssl", request.split(" "), { encoding: "utf8" })
      let requests = 0
      const server = createServer({ key: stdout, cert: stdout }, (_, response) => {
        requests++
        response.end("{}")
      }).listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address ? address.port : 0
        resume(Effect.succeed({
          url: `https://localhost:${port}`,
          requests: () => requests,
          close: () => server.close()
        }))
      })
    }
  ),
  ({ close }) => Effect.sync(close)
)
