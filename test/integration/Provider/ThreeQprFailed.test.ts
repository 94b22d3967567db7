import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Logger, Redacted, Tracer } from "effect"
import { spawnSync } from "node:child_process"
import { createServer } from "node:https"
import { inspect } from "node:util"
import { type Answer, answers, cut, json } from "../../support/Answers.ts"
import { idsOf, page, register, registered, scan, secret, test } from "../../support/ThreeQpr.ts"

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
      `of ${status} reports its meaning and 3QPR's message, and is not retried`,
      Effect.gen(function*() {
        const server = yield* answers([json(Number(status), { error: { message: "because so" } })])
        for (
          const failure of [yield* Effect.flip(register(server.url)), yield* Effect.flip(idsOf(server.url))]
        ) {
          assert.include(failure.message, meaning)
          assert.include(failure.message, "because so")
          assert.notInclude(failure.message, "may already exist")
          assert.deepInclude(failure, { status: Number(status), retriable: false })
        }
        assert.strictEqual(server.requests.length, 2)
      })
    )
  }

  test(
    "names the path of an invalid field, not its value",
    Effect.gen(function*() {
      const server = yield* answers([json(200, { scans: { a: 987654 }, total: 1 })])
      const failure = yield* Effect.flip(idsOf(server.url))
      assert.include(failure.message, "at scans")
      assert.notInclude(failure.message, "987654")
      assert.strictEqual(server.requests.length, 1)
    })
  )

  test(
    "names the content type of a body that is not JSON",
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
    "results from a redirect, which is not followed, so that the key is not sent elsewhere",
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
    "results from an impossible key, before anything is sent",
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

  test(
    "reports an untrusted TLS certificate, and nothing is sent",
    Effect.gen(function*() {
      const { requests, url } = yield* selfSigned
      const failure = yield* Effect.flip(idsOf(url))
      assert.include(failure.message, "certificate")
      assert.isFalse(failure.retriable)
      assert.strictEqual(requests(), 0)
    })
  )
})

it.live("key and secret never appear in messages, JSON, logs or spans", () =>
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

/** An HTTPS server with a self-signed certificate. */
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
