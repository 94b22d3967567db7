// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { TestClock } from "effect/testing"
import * as Account from "../../../src/Provider/Simulator/Account.ts"
import { scanOfTheReference } from "../../support/Webhook.ts"

const scan = (
  id: string,
  scanned_at: string,
  more: Partial<Account.ScanRecord> = {}
): Account.ScanRecord => ({
  ...scanOfTheReference,
  id,
  scanned_at,
  ...more
})
const all = { limit: 200, offset: 0 }
const ids = ({ scans }: { readonly scans: ReadonlyArray<Account.ScanRecord> }) => scans.map(({ id }) => id)

describe("the scans of a simulated account", () => {
  it.effect("are returned newest first, in pages, whatever order they were recorded in", () =>
    Effect.gen(function*() {
      const account = yield* Account.make()
      for (const hour of ["03", "01", "05", "02", "04"]) {
        account.record(scan(hour, `2026-03-20T${hour}:00:00Z`))
      }
      assert.deepStrictEqual(ids(account.scans(all)), ["05", "04", "03", "02", "01"])
      const page = account.scans({ limit: 2, offset: 3 })
      assert.deepStrictEqual(ids(page), ["02", "01"])
      assert.strictEqual(page.total, 5)
      assert.deepStrictEqual(ids(account.scans({ limit: 2, offset: 5 })), [])
    }))

  it.effect("can be filtered by code, from `since` inclusive to `until` exclusive", () =>
    Effect.gen(function*() {
      const account = yield* Account.make()
      for (const hour of ["01", "02", "03", "04"]) {
        account.record(scan(hour, `2026-03-20T${hour}:00:00Z`))
        account.record(scan(`other ${hour}`, `2026-03-20T${hour}:00:00+00:00`, { qpr_code_id: "qpr_other" }))
      }
      const found = account.scans({
        ...all,
        qpr_code_id: scanOfTheReference.qpr_code_id,
        since: "2026-03-20T02:00:00Z",
        until: "2026-03-20T05:00:00+01:00"
      })
      assert.deepStrictEqual(ids(found), ["03", "02"])
      assert.strictEqual(found.total, 2)
    }))

  it.effect("are the newest ones when there are more than the account keeps", () =>
    Effect.gen(function*() {
      const account = yield* Account.make(3)
      for (let minute = 10; minute < 30; minute++) {
        account.record(scan(String(minute), `2026-03-20T00:${minute}:00Z`))
      }
      assert.deepStrictEqual(ids(account.scans(all)), ["29", "28", "27"])
      account.record(scan("too old", "2026-03-20T00:00:00Z"))
      assert.deepStrictEqual(ids(account.scans(all)), ["29", "28", "27"])
    }))
})

describe("the analytics of a simulated account", () => {
  const at = (iso: string) => TestClock.setTime(Date.parse(iso))
  const query = { qpr_code_id: scanOfTheReference.qpr_code_id, period: "30d", granularity: "day" } as const

  it.effect("count the scans of a period as 3QPR does", () =>
    Effect.gen(function*() {
      yield* at("2026-03-20T12:00:00Z")
      const account = yield* Account.make()
      account.record(scan("long ago", "2025-01-01T00:00:00Z"))
      account.record(scan("1", "2026-03-18T23:59:59Z", { conversation_messages: 4 }))
      account.record(scan("2", "2026-03-19T00:00:00Z", { conversation_messages: 7 }))
      account.record(
        scan("3", "2026-03-19T05:00:00Z", {
          conversation_started: false,
          conversation_messages: 0,
          country: "CH"
        })
      )
      account.record(scan("4", "2026-03-19T05:00:00Z", { qpr_code_id: "qpr_other" }))
      assert.deepStrictEqual(yield* account.analytics(query), {
        qpr_code_id: query.qpr_code_id,
        period: "30d",
        scans_total: 3,
        scans_unique_devices: 1,
        conversation_rate: 0.67,
        avg_messages_per_conversation: 5.5,
        top_countries: [{ country: "US", scans: 2 }, { country: "CH", scans: 1 }],
        timeseries: [{ date: "2026-03-18", scans: 1 }, { date: "2026-03-19", scans: 2 }]
      })
      assert.strictEqual((yield* account.analytics({ ...query, period: "all" }))?.scans_total, 4)
    }))

  it.effect("are grouped by hour, or by week from Monday", () =>
    Effect.gen(function*() {
      yield* at("2026-03-20T12:00:00Z")
      const account = yield* Account.make()
      // 15 March 2026 was a Sunday.
      account.record(scan("sunday", "2026-03-15T23:10:00Z"))
      account.record(scan("monday", "2026-03-16T00:10:00Z"))
      const dates = (granularity: "hour" | "week") =>
        Effect.map(account.analytics({ ...query, granularity }), (found) => found?.timeseries)
      assert.deepStrictEqual(yield* dates("hour"), [
        { date: "2026-03-15T23:00:00Z", scans: 1 },
        { date: "2026-03-16T00:00:00Z", scans: 1 }
      ])
      assert.deepStrictEqual(yield* dates("week"), [
        { date: "2026-03-09", scans: 1 },
        { date: "2026-03-16", scans: 1 }
      ])
    }))

  it.effect("are zero for a code without a scan in the period, and absent for a code without any scan", () =>
    Effect.gen(function*() {
      yield* at("2026-03-20T12:00:00Z")
      const account = yield* Account.make()
      assert.isUndefined(yield* account.analytics(query))
      account.record(scan("1", "2025-03-18T23:59:59Z"))
      const found = yield* account.analytics(query)
      assert.deepInclude(found, { scans_total: 0, conversation_rate: 0, avg_messages_per_conversation: 0 })
    }))
})

it.effect("a webhook has a distinct id and secret, and `registered` waits for the first one", () =>
  Effect.gen(function*() {
    const account = yield* Account.make()
    const one = yield* account.register("https://a.example/", ["scan.created"])
    const two = yield* account.register("https://b.example/", ["scan.created"])
    assert.match(one.id, /^wh_01[0-9A-HJKMNP-TV-Z]{24}$/)
    assert.match(Redacted.value(one.secret), /^whsec_[0-9a-f]{48}$/)
    assert.notStrictEqual(one.id, two.id)
    assert.notStrictEqual(Redacted.value(one.secret), Redacted.value(two.secret))
    assert.deepStrictEqual(account.webhooks(), [one, two])
    assert.strictEqual(yield* account.registered, one)
  }))
