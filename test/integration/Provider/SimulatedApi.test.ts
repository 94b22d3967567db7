import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted, type Scope, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import * as Account from "../../../src/Provider/Simulator/Account.ts"
import { type ApiOptions, SimulatedApi } from "../../../src/Provider/Simulator/Api.ts"
import * as RateLimits from "../../../src/Provider/Simulator/Api/RateLimits.ts"
import { codes, createdCode } from "../../../src/Provider/Simulator/World.ts"
import { ThreeQpr } from "../../../src/Provider/ThreeQpr.ts"
import { send } from "../../support/Http.ts"
import { idIn } from "../../support/ThreeQpr.ts"
import { scanOfTheReference } from "../../support/Webhook.ts"

const key = Redacted.make("3qpr_sk_test_good")
const revoked = Redacted.make("3qpr_sk_test_revoked")
const unpaid = Redacted.make("3qpr_sk_test_unpaid")
const bearer = (key: Redacted.Redacted<string>) => ({ authorization: `Bearer ${Redacted.value(key)}` })

const start = Effect.fnUntraced(function*(options: Partial<ApiOptions> = {}) {
  const account = yield* Account.make()
  const layer = SimulatedApi.layer({
    account,
    host: "127.0.0.1",
    port: 0,
    key,
    revokedKeys: [revoked],
    keysWithoutPlan: [unpaid],
    ...options
  })
  const { url } = Context.get(yield* Layer.build(layer), SimulatedApi)
  return {
    account,
    url,
    get: (path: string, headers: Record<string, string> = bearer(key)) => send(url + path, { headers }),
    register: (body: unknown) =>
      send(`${url}/v1/webhooks`, {
        method: "POST",
        headers: bearer(key),
        body: typeof body === "string" ? body : JSON.stringify(body)
      }),
    client: (key: Redacted.Redacted<string>) =>
      ThreeQpr.layer({ url, key }).pipe(
        Layer.provide(FetchHttpClient.layer),
        Layer.build,
        Effect.map((context) => Context.get(context, ThreeQpr))
      )
  }
})

const scan = (minute: number): Account.ScanRecord => ({
  ...scanOfTheReference,
  id: `scan_${minute}`,
  scanned_at: new Date(Date.parse("2026-03-20T00:00:00Z") + minute * 60_000).toISOString()
})

const webhook = { url: "https://hooks.example.com/webhooks/3qpr", events: ["scan.created"] }

const test = (title: string, body: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(title, () => Effect.scoped(body))

describe("the client with the simulated API", () => {
  test(
    "registers a webhook that the account then contains, with the same secret",
    Effect.gen(function*() {
      const { account, client } = yield* start()
      const registration = yield* (yield* client(key)).register(webhook)
      const held = yield* account.registered
      assert.deepInclude(held, { id: registration.id, ...webhook })
      assert.strictEqual(held.createdAt, registration.createdAt)
      assert.strictEqual(Redacted.value(held.secret), Redacted.value(registration.secret))
    })
  )

  test(
    "returns every scan once while new ones are created",
    Effect.gen(function*() {
      const { account, client } = yield* start()
      for (let minute = 0; minute < 450; minute++) account.record(scan(minute))
      const ids = yield* (yield* client(key)).scans({}, 100).pipe(
        Stream.map(idIn),
        Stream.tap((id) => Effect.sync(() => id === "scan_400" && account.record(scan(1_000)))),
        Stream.runCollect
      )
      assert.strictEqual(new Set(ids).size, ids.length)
      assert.includeMembers(ids, Array.from({ length: 450 }, (_, minute) => `scan_${minute}`))
      const some = yield* (yield* client(key)).scans({
        since: scan(10).scanned_at,
        until: scan(12).scanned_at
      }).pipe(Stream.map(idIn), Stream.runCollect)
      assert.deepStrictEqual(some, ["scan_11", "scan_10"])
    })
  )

  test(
    "returns every code once, page by page, while a new one is created",
    Effect.gen(function*() {
      const { account, client } = yield* start()
      const code = (at: number) => ({ ...createdCode(codes[0], at * 1_000), id: `qpr_${at}` })
      for (let at = 0; at < 45; at++) account.recordCode(code(at))
      const ids = yield* (yield* client(key)).codes().pipe(
        Stream.map(idIn),
        Stream.tap((id) => Effect.sync(() => id === "qpr_30" && account.recordCode(code(1_000)))),
        Stream.runCollect
      )
      assert.deepStrictEqual(ids, Array.from({ length: 45 }, (_, at) => `qpr_${44 - at}`))
    })
  )

  test(
    "is refused without a valid key: 401 for an unknown key, 403 for a revoked one, 402 without a plan",
    Effect.gen(function*() {
      const { account, client } = yield* start()
      for (const [wrong, status] of [[Redacted.make("x"), 401], [revoked, 403], [unpaid, 402]] as const) {
        const failure = yield* Effect.flip((yield* client(wrong)).register(webhook))
        assert.deepInclude(failure, { status, retriable: false })
      }
      assert.deepStrictEqual(account.webhooks(), [])
    })
  )
})

describe("the simulated API", () => {
  test(
    "lists scans as 3QPR does: 50 by default, 200 at most, with the total",
    Effect.gen(function*() {
      const { account, get } = yield* start()
      for (let minute = 0; minute < 60; minute++) account.record(scan(minute))
      const { body } = yield* get("/v1/scans")
      assert.deepInclude(body, { total: 60, limit: 50, offset: 0 })
      const last = yield* get(`/v1/scans?limit=2&offset=58&qpr_code_id=${scan(0).qpr_code_id}`)
      assert.deepStrictEqual(last.body, { scans: [scan(1), scan(0)], total: 60, limit: 2, offset: 58 })
      for (const query of ["limit=0", "limit=201", "limit=x", "offset=-1", "since=yesterday", "until=2026"]) {
        assert.strictEqual((yield* get(`/v1/scans?${query}`)).status, 422, query)
      }
    })
  )

  test(
    "lists codes as 3QPR does: 20 by default, the last created first, each with its number of scans",
    Effect.gen(function*() {
      const { account, get } = yield* start()
      for (const [at, made] of codes.entries()) account.recordCode(createdCode(made, at * 1_000))
      account.recordCode({ ...createdCode(codes[0], 0), name: "Renamed" })
      account.record({ ...scan(0), qpr_code_id: codes[0].id })
      assert.deepInclude((yield* get("/v1/qpr-codes")).body, { total: codes.length, limit: 20, offset: 0 })
      const last = yield* get(`/v1/qpr-codes?limit=2&offset=${codes.length - 1}`)
      assert.deepStrictEqual(last.body, {
        qpr_codes: [{ ...createdCode(codes[0], 0), name: "Renamed", scans_total: 1 }],
        total: codes.length,
        limit: 2,
        offset: codes.length - 1
      })
      for (const query of ["limit=0", "limit=x", "offset=-1"]) {
        assert.strictEqual((yield* get(`/v1/qpr-codes?${query}`)).status, 422, query)
      }
    })
  )

  test(
    "returns a code's analytics, and 404 for an unknown code",
    Effect.gen(function*() {
      const { account, get } = yield* start()
      account.record(scan(0))
      const path = `/v1/qpr-codes/${scan(0).qpr_code_id}/analytics`
      const { body, status } = yield* get(`${path}?period=all&granularity=week`)
      assert.strictEqual(status, 200)
      assert.deepInclude(body, {
        period: "all",
        scans_total: 1,
        timeseries: [{ date: "2026-03-16", scans: 1 }]
      })
      assert.deepInclude((yield* get(path)).body, { period: "30d" })
      assert.strictEqual((yield* get(`${path}?period=1d`)).status, 422)
      assert.strictEqual((yield* get("/v1/qpr-codes/qpr_other/analytics")).status, 404)
    })
  )

  test(
    "refuses a webhook with an unusable URL or without event types",
    Effect.gen(function*() {
      const { account, register } = yield* start()
      const wrong = [
        { ...webhook, url: "http://hooks.example.com/" },
        { ...webhook, url: "hooks.example.com" },
        { url: webhook.url },
        { ...webhook, events: [] },
        { ...webhook, events: [""] }
      ]
      for (const body of wrong) assert.strictEqual((yield* register(body)).status, 422, JSON.stringify(body))
      assert.strictEqual((yield* register("{")).status, 400)
      assert.deepStrictEqual(account.webhooks(), [])
      assert.strictEqual(
        (yield* register({ ...webhook, url: "http://localhost:3000/webhooks/3qpr" })).status,
        200
      )
    })
  )

  test(
    "reports the remaining quota in every response, separately for each key and kind of request",
    Effect.gen(function*() {
      const { get } = yield* start({ limits: { scans: 2, analytics: 5, other: 5 } })
      const left = (answer: { readonly headers: Headers }) => answer.headers.get("x-ratelimit-remaining")
      const first = yield* get("/v1/scans")
      assert.strictEqual(first.headers.get("x-ratelimit-limit"), "2")
      assert.strictEqual(left(first), "1")
      const reset = Number(first.headers.get("x-ratelimit-reset")) - Date.now() / 1_000
      assert.isTrue(reset > 50 && reset <= 61, String(reset))
      assert.strictEqual(left(yield* get("/v1/scans?limit=x")), "0")
      const refused = yield* get("/v1/scans")
      assert.strictEqual(refused.status, 429)
      assert.isTrue(Number(refused.headers.get("retry-after")) > 50)
      assert.strictEqual(left(refused), "0")
      assert.strictEqual(left(yield* get("/v1/qpr-codes/qpr_1/analytics")), "4")
      assert.strictEqual(left(yield* get("/nothing/here")), "4")
      assert.strictEqual(left(yield* get("/v1/scans", bearer(revoked))), "1")
      assert.strictEqual(left(yield* get("/v1/scans", {})), "1")
      assert.strictEqual(left(yield* get("/v1/scans", { authorization: "Bearer guess" })), "0")
    })
  )

  test(
    "reports that its port is taken",
    Effect.gen(function*() {
      const port = Number(new URL((yield* start()).url).port)
      const { message } = yield* Effect.flip(Effect.mapError(start({ port }), (error) => error))
      assert.include(message, `127.0.0.1:${port}`)
    })
  )
})

it.effect("a quota is full again a minute after its first request", () =>
  Effect.gen(function*() {
    const take = RateLimits.make({ scans: 1, analytics: 1, other: 1 })
    yield* TestClock.setTime(1_000_000)
    assert.isFalse((yield* take("key", "scans")).refused)
    yield* TestClock.adjust("59 seconds")
    const { headers, refused } = yield* take("key", "scans")
    assert.isTrue(refused)
    assert.deepInclude(headers, { "retry-after": "1", "x-ratelimit-reset": "1060" })
    yield* TestClock.adjust("1 second")
    assert.isFalse((yield* take("key", "scans")).refused)
  }))
