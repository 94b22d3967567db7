// Runs: long

import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Redacted, Stream } from "effect"
import { Buffer } from "node:buffer"
import { type Answer, answers, cut, json, silence } from "../../support/Answers.ts"
import {
  clientOf,
  idIn,
  idsOf,
  key,
  page,
  register,
  registered,
  scan,
  secret,
  test,
  webhook
} from "../../support/ThreeQpr.ts"

describe("register", () => {
  test(
    "returns 3QPR's response, with the secret redacted",
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
    "keeps the secret of a response with few other fields, and fields that are null",
    Effect.gen(function*() {
      const server = yield* answers([json(200, { id: "wh_1", secret, url: null, active: null, more: {} })])
      const registration = yield* register(server.url)
      assert.strictEqual(Redacted.value(registration.secret), secret)
      assert.strictEqual(registration.url, webhook.url)
      assert.strictEqual(registration.active, null)
    })
  )

  test(
    "keeps the secret of a response whose other fields are all invalid",
    Effect.gen(function*() {
      const odd = { id: 7, url: {}, events: "all", active: "yes", created_at: [], secret }
      const server = yield* answers([json(200, odd), json(200, { secret })])
      const registration = yield* register(server.url)
      assert.strictEqual(Redacted.value(registration.secret), secret)
      assert.deepInclude(registration, { id: "7", ...webhook, active: null, createdAt: null })
      assert.strictEqual((yield* register(server.url)).id, "unknown")
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
      `never retries after ${what}, and reports that the webhook may already exist`,
      Effect.gen(function*() {
        const server = yield* answers([answer, registered])
        const failure = yield* Effect.flip(register(server.url, { timeout: "300 millis" }))
        assert.include(failure.message, "may already exist")
        assert.isFalse(failure.retriable)
        assert.strictEqual(server.requests.length, 1)
      })
    )
  }

  test(
    "retries after a 429, at the date in Retry-After",
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
    "retries when the connection was refused, because nothing was sent",
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
    "requests page after page until the total is reached, and keeps every field",
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
    "returns no scan twice when new ones shift the others",
    Effect.gen(function*() {
      const server = yield* answers([page([scan("b"), scan("a")], 3), page([scan("a"), scan("z")], 4)])
      assert.deepStrictEqual(yield* idsOf(server.url), ["b", "a", "z"])
    })
  )

  test(
    "returns every entry as 3QPR sent it, however odd",
    Effect.gen(function*() {
      const odd = [scan("a", { metadata: [] }), null, 5, scan("b", { id: null }), scan("b")]
      const server = yield* answers([json(200, { scans: odd, total: odd.length })])
      const client = yield* clientOf(server.url)
      assert.deepStrictEqual(yield* Stream.runCollect(client.scans()), odd)
    })
  )

  test(
    "ignores a total that is too small or not a number, and requests pages until one is empty",
    Effect.gen(function*() {
      for (const total of [1, null, "3", -1, 2.5]) {
        const pages = [["a", "b"], ["c", "d"], []].map((ids) =>
          json(200, { scans: ids.map((id) => scan(id)), total })
        )
        const client = yield* clientOf((yield* answers(pages)).url)
        const ids = yield* Stream.runCollect(Stream.map(client.scans({}, 2), idIn))
        assert.deepStrictEqual(ids, ["a", "b", "c", "d"])
      }
    })
  )

  test(
    "fails on an endless list, when 3QPR returns the same scans for every offset",
    Effect.gen(function*() {
      const server = yield* answers([page([scan("a")], 1e15)])
      const failure = yield* Effect.flip(idsOf(server.url))
      assert.include(failure.message, "the same scans repeatedly")
      assert.isTrue(failure.retriable)
      assert.strictEqual(server.requests.length, 4)
    })
  )

  test(
    "fails on an endless body, and does not keep it in memory",
    Effect.gen(function*() {
      const megabyte = Buffer.alloc(1 << 20, " ")
      const server = yield* answers([
        (response) => {
          const write = () => {
            while (!response.destroyed && response.write(megabyte));
          }
          response.writeHead(200).on("drain", write)
          write()
        }
      ])
      const failure = yield* Effect.flip(idsOf(server.url))
      assert.include(failure.message, "longer than 32 MiB")
    })
  )

  test(
    "retries after an answer whose rate-limit reset is implausible",
    Effect.gen(function*() {
      const absurd = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999999999999" }
      const server = yield* answers([page([scan("a")], 2, absurd), page([scan("b")], 2)])
      assert.deepStrictEqual(yield* idsOf(server.url), ["a", "b"])
    })
  )

  test(
    "fails when the pages end before the total is reached",
    Effect.gen(function*() {
      const server = yield* answers([page([scan("a")], 3), page([], 3)])
      assert.include((yield* Effect.flip(idsOf(server.url))).message, "3 scans")
    })
  )

  test(
    "retries after 503, 500, 408 and a lost connection",
    Effect.gen(function*() {
      const server = yield* answers([json(503, {}), cut, json(500, {}), json(408, {}), page([scan("a")])])
      assert.deepStrictEqual(yield* idsOf(server.url), ["a"])
    })
  )

  test(
    "gives up after five attempts with an error that is retriable later",
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
      const failure = yield* Effect.flip(idsOf(server.url, { timeout: "250 millis" }))
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
    "fails at once, and reports the wait, when 3QPR requests a wait of more than two minutes",
    Effect.gen(function*() {
      const server = yield* answers([json(429, {}, { "retry-after": "600" })])
      const failure = yield* Effect.flip(idsOf(server.url))
      assert.match(failure.message, /(600|599) seconds/)
      assert.deepInclude(failure, { status: 429, retriable: true })
      assert.strictEqual(server.requests.length, 1)
    })
  )
})
