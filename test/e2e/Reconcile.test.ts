// Runs: long, node first

import { assert, describe } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import { SqlClient } from "effect/sql/SqlClient"
import { AdminClient } from "../../src/Admin/Client.ts"
import { Database } from "../../src/Database/Database.ts"
import { makeAccount, type ScanRecord, SimulatedApi } from "../../src/Provider/Simulator.ts"
import { newDatabase, newDataDir } from "../support/Databases.ts"
import { send } from "../support/Http.ts"
import { test } from "../support/Live.ts"
import { poison, refusePoison } from "../support/Poison.ts"
import * as Proxy from "../support/Proxy.ts"
import { serve, threeqpr } from "../support/Serve.ts"
import { poll, until } from "../support/Until.ts"
import { scanOfTheReference, secret, signed } from "../support/Webhook.ts"

const key = "3qpr_sk_test_of_the_tests"
const began = Date.parse("2026-03-20T00:00:00Z")
const since = "2026-03-20T00:00:00Z"

const scan = (at: number, more: Partial<ScanRecord> = {}): ScanRecord => ({
  ...scanOfTheReference,
  id: `scan_${at}`,
  scanned_at: new Date(began + at * 1_000).toISOString(),
  country: at % 2 ? "CH" : "US",
  ...more
})

/** A simulated 3QPR that has this number of scans. */
const simulated = Effect.fnUntraced(function*(count: number) {
  const account = yield* makeAccount()
  for (let at = 0; at < count; at++) account.record(scan(at))
  const layer = SimulatedApi.layer({ account, host: "127.0.0.1", port: 0, key: Redacted.make(key) })
  return { account, url: Context.get(yield* Layer.build(layer), SimulatedApi).url }
})

/** A `serve` that calls the 3QPR API at this URL. */
const receiver = Effect.fnUntraced(function*(apiUrl: string, more: Readonly<Record<string, string>> = {}) {
  const DATABASE_URL = yield* newDatabase
  const environment = {
    DATA_DIR: yield* newDataDir,
    DATABASE_URL,
    THREEQPR_WEBHOOK_SECRET: Redacted.value(secret),
    THREEQPR_API_URL: apiUrl,
    THREEQPR_API_KEY: key,
    ...more
  }
  const database = yield* Layer.build(Database.layer({ url: Redacted.make(DATABASE_URL), dataDir: "" }))
  const sql = Context.get(database, SqlClient)
  yield* Effect.provideService(refusePoison, SqlClient, sql)
  return { environment, sql, ...(yield* serve(environment)) }
})

const deliver = Effect.fnUntraced(function*(webhook: string, data: ScanRecord) {
  const { body, signature } = signed(
    JSON.stringify({ id: `evt_of_${data.id}`, event: "scan.created", data })
  )
  const headers = { "x-3qpr-signature": signature }
  const { status } = yield* send(webhook, { method: "POST", headers, body: body.toString() })
  assert.strictEqual(status, 200)
})

const clientOf = (admin: string) =>
  Layer.build(AdminClient.layer({ url: admin }).pipe(Layer.provide(FetchHttpClient.layer))).pipe(
    Effect.map((context) => Context.get(context, AdminClient))
  )

const untilRows = (sql: SqlClient, count: number) =>
  until(
    `${count} scans`,
    sql<{ readonly n: number }>`select count(*)::int as n from scans`,
    ([row]) => row?.n === count
  )

const reconcile = (admin: string, ...args: ReadonlyArray<string>) =>
  threeqpr(["reconcile", "--admin-url", admin, ...args])

describe("threeqpr reconcile", () => {
  test(
    "finds exactly the scans that no webhook delivered, repairs them once, and a late webhook changes nothing twice",
    Effect.gen(function*() {
      const { account, url } = yield* simulated(500)
      const { admin, sql, webhook } = yield* receiver(url)
      const lost = (at: number) => at % 25 === 0
      const poisoned = scan(7, { city: poison })
      yield* Effect.forEach(
        Array.from({ length: 500 }, (_, at) => at).filter((at) => !lost(at)),
        (at) => deliver(webhook, at === 7 ? poisoned : scan(at)),
        { concurrency: 20 }
      )
      yield* untilRows(sql, 479)
      const client = yield* clientOf(admin)
      const letters = client.deadLetters.list({ query: {} })
      yield* until("the dead letter", letters, ({ total }) => total === 1)

      const dry = yield* reconcile(admin, "--since", since, "--dry-run", "--json")
      assert.strictEqual(dry.code, 0, dry.stderr)
      const found = JSON.parse(dry.stdout)
      assert.deepInclude(found, { seen: 500, missing: 20, appended: 0, still_missing: 20, dead_lettered: 1 })
      assert.deepStrictEqual(found.repaired_examples, [])
      const expected = Array.from({ length: 20 }, (_, at) => `scan_${at * 25}`)
      assert.sameMembers(found.still_missing_examples, expected)
      yield* untilRows(sql, 479)

      const repaired = yield* reconcile(admin, "--since", since)
      assert.strictEqual(repaired.code, 0, repaired.stderr)
      assert.match(repaired.stdout, /^reconciliation 2 done$/m)
      assert.match(repaired.stdout, /were missing +20\n +repaired +20\n +still missing +0\n/)
      assert.match(repaired.stdout, /^repaired\n(  scan_\d+\n){20}$/m)
      assert.notMatch(repaired.stdout, /^still missing$/m)
      assert.match(
        repaired.stdout,
        /dead letters +1; after a fix, `threeqpr dead-letters redrive` repairs them/
      )
      yield* untilRows(sql, 499)

      const again = yield* reconcile(admin, "--since", since, "--json")
      assert.deepInclude(JSON.parse(again.stdout), { missing: 0, appended: 0, state: "done" })

      const content = sql`select qpr_code_id, day::text, country, device, scans::int from scan_days
        order by 1, 2, 3, 4`
      const before = yield* content
      yield* Effect.forEach(expected, (_, at) => deliver(webhook, scan(at * 25)))
      const { event } = yield* poll(
        Effect.map(client.projections.list(), ({ projections }) => {
          const scans = projections.find(({ name }) => name === "scans")
          return { event: scans?.completeness, lag: scans?.lag }
        }),
        ({ event, lag }) => lag === 0 && event?.applied === 519
      )
      assert.deepInclude(event, { applied: 519, dead_letters: 1, missing: 0 })
      assert.deepStrictEqual(yield* content, before)
      yield* untilRows(sql, 499)

      const marked = yield* client.events.get({ params: { id: "reconciled:scan_25" } })
      assert.strictEqual(marked.headers["3qpr-reconciled"], "2")
      assert.isUndefined(marked.headers["3qpr-signature"])
      const status = yield* threeqpr(["status", "--admin-url", admin])
      assert.match(status.stdout, /reconciled +20 scans in total, last one \(3\) done/)
      account.record(scan(9_999))
      const windowed = yield* reconcile(admin, "--since", since, "--until", "2026-03-20T00:01:00Z", "--json")
      assert.deepInclude(JSON.parse(windowed.stdout), { seen: 60, missing: 0 })
    }),
    120_000
  )

  test(
    "continues after kill -9 in the next start, and appends nothing twice",
    Effect.gen(function*() {
      const { url } = yield* simulated(700)
      const proxy = yield* Proxy.before(Number(new URL(url).port))
      yield* proxy.delay(700)
      const { admin, end, environment, sql } = yield* receiver(`http://127.0.0.1:${proxy.port}`)
      const client = yield* clientOf(admin)
      const { id } = yield* client.reconciliations.start({ payload: { since, by: "the tests" } })
      yield* poll(
        client.reconciliations.get({ params: { id } }),
        ({ appended, finished_at }) => appended >= 200 || finished_at !== null
      )
      yield* end("SIGKILL")
      const [cut] = yield* sql<{ readonly appended: number; readonly state: string }>`
        select appended::int, state from reconciliations`
      assert.strictEqual(cut?.state, "running")
      assert.isBelow(cut?.appended ?? 700, 700)
      yield* proxy.delay(0)
      const next = yield* serve(environment)
      const ended = yield* threeqpr([
        "reconcile",
        "--admin-url",
        next.admin,
        "--watch",
        String(id),
        "--json"
      ])
      assert.deepInclude(JSON.parse(ended.stdout), { state: "done", seen: 700, missing: 700, appended: 700 })
      yield* untilRows(sql, 700)
      const status = yield* (yield* clientOf(next.admin)).status.get()
      assert.strictEqual(status.stream.events, 700)
    }),
    120_000
  )

  test(
    "can be cancelled, runs only once at a time, and explains errors",
    Effect.gen(function*() {
      const { url } = yield* simulated(700)
      const proxy = yield* Proxy.before(Number(new URL(url).port))
      yield* proxy.pause
      const { admin, sql } = yield* receiver(`http://127.0.0.1:${proxy.port}`)
      const client = yield* clientOf(admin)
      const { id } = yield* client.reconciliations.start({ payload: { since, by: "the tests" } })
      const second = yield* reconcile(admin, "--since", "2d")
      assert.strictEqual(second.code, 1)
      assert.match(second.stderr, /already running \(id 1, requested by the tests\)/)
      const cancelled = yield* reconcile(admin, "--cancel", String(id))
      assert.strictEqual(cancelled.code, 0, cancelled.stderr)
      assert.match(cancelled.stdout, /^reconciliation 1 cancelled$/m)
      yield* proxy.resume
      const twice = yield* reconcile(admin, "--cancel", String(id))
      assert.strictEqual(twice.code, 1)
      assert.match(twice.stderr, /has already ended/)
      assert.match((yield* reconcile(admin, "--watch", "99")).stderr, /no reconciliation with id 99/)
      assert.strictEqual((yield* sql`select 1 from scans`).length, 0)
      const backwards = yield* reconcile(admin, "--since", since, "--until", "2026-03-19T00:00:00Z")
      assert.match(backwards.stderr, /is not before until/)
      for (const args of [[], ["--since", "yesterday"], ["--since", since, "--cancel", "1"]]) {
        assert.strictEqual((yield* reconcile(admin, ...args)).code, 2)
      }
    }),
    120_000
  )

  test(
    "requires a key that 3QPR accepts",
    Effect.gen(function*() {
      const { url } = yield* simulated(1)
      const none = yield* receiver(url, { THREEQPR_API_KEY: "" })
      const refused = yield* reconcile(none.admin, "--since", "1h")
      assert.strictEqual(refused.code, 1)
      assert.match(refused.stderr, /no key for 3QPR's API.*THREEQPR_API_KEY/s)
      const wrong = yield* receiver(url, { THREEQPR_API_KEY: "3qpr_sk_test_wrong" })
      const failed = yield* reconcile(wrong.admin, "--since", "1h")
      assert.strictEqual(failed.code, 1)
      assert.match(failed.stderr, /failed: .*answers 401/)
      assert.notInclude(failed.stderr, "3qpr_sk_test_wrong")
      const unset = yield* threeqpr(["serve"], { RECONCILE_EVERY: "1 hour" })
      assert.strictEqual(unset.code, 1)
      assert.match(unset.stderr, /RECONCILE_EVERY is set, but THREEQPR_API_KEY is not/)
    }),
    120_000
  )

  test(
    "runs on a schedule, for scans whose deliveries 3QPR has given up",
    Effect.gen(function*() {
      const account = yield* makeAccount()
      const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
      account.record(scan(1, { scanned_at: ago(90) }))
      account.record(scan(2, { scanned_at: ago(60) }))
      const layer = SimulatedApi.layer({ account, host: "127.0.0.1", port: 0, key: Redacted.make(key) })
      const { url } = Context.get(yield* Layer.build(layer), SimulatedApi)
      const { admin, sql } = yield* receiver(url, { RECONCILE_EVERY: "1 minute" })
      yield* untilRows(sql, 1)
      assert.deepStrictEqual(yield* sql`select id from scans`, [{ id: "scan_1" }])
      const client = yield* clientOf(admin)
      const { reconciliations, repaired } = yield* poll(
        client.reconciliations.list({ query: {} }),
        ({ reconciliations }) => reconciliations[0]?.state === "done"
      )
      assert.strictEqual(repaired, 1)
      assert.deepInclude(reconciliations[0], { scheduled: true, requested_by: "the schedule", appended: 1 })
      // The next reconciliation is due a minute after this one. Its window begins an hour before the end of this
      // one's.
      yield* sql`update reconciliations set requested_at = requested_at - interval '2 minutes'`
      const [next] = yield* poll(
        Effect.map(client.reconciliations.list({ query: {} }), ({ reconciliations }) => reconciliations),
        (all) => all.length === 2 && all[0]?.state === "done"
      )
      const hourBefore = Date.parse(reconciliations[0]?.until ?? "") - 3_600_000
      assert.strictEqual(Date.parse(next?.since ?? ""), hourBefore)
      assert.strictEqual(next?.missing, 0)
    }),
    120_000
  )
})
