// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import { remember } from "../../../src/Jobs/Erasure/Reminder.ts"
import * as Reconciliations from "../../../src/Jobs/Reconciliations.ts"
import { find, request } from "../../../src/Jobs/Reconciliations/Registry.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { qprCodes } from "../../../src/Projector/Projections/QprCodes.ts"
import { type CodeRecord, makeAccount, SimulatedApi } from "../../../src/Provider/Simulator.ts"
import { codes, createdCode } from "../../../src/Provider/Simulator/World.ts"
import { answers, json } from "../../support/Answers.ts"
import { postgres } from "../../support/Databases.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { append, projectorOf, rebuilt, unequal, untilCount } from "../../support/Projecting.ts"
import { poll, until } from "../../support/Until.ts"
import { scanOfTheReference } from "../../support/Webhook.ts"

const running = consumersOnBroker.pipe(
  Layer.provideMerge(postgres.layer),
  Layer.provideMerge(ProcessHealth.layer)
)

const key = Redacted.make("3qpr_sk_test")
const began = Date.parse("2026-03-20T00:00:00Z")

const code = (at: number, more: Partial<CodeRecord> = {}): CodeRecord => ({
  ...createdCode(codes[0], began + at * 1_000),
  id: `qpr_${at}`,
  name: `Table ${at}`,
  short_id: `short${at}`,
  ...more
})

/** A simulated 3QPR whose account has this many codes. */
const simulated = Effect.fnUntraced(function*(count: number) {
  const account = yield* makeAccount()
  for (let at = 1; at <= count; at++) account.recordCode(code(at))
  const api = yield* Layer.build(SimulatedApi.layer({ account, host: "127.0.0.1", port: 0, key }))
  return { account, url: Context.get(api, SimulatedApi).url }
})

interface Asked {
  readonly dry_run?: boolean
  readonly qpr_code_id?: string
}

/** Runs a reconciliation with the 3QPR at this URL to its end. */
const reconciled = Effect.fnUntraced(function*(url: string, { dry_run = false, qpr_code_id }: Asked = {}) {
  const window = { since: "2026-03-20T00:00:00Z", until: "2026-03-21T00:00:00Z" }
  const id = (yield* request({ ...window, by: "the tests", dry_run, qpr_code_id })) ?? 0
  // The job looks for requests at its start and once a second.
  return yield* poll(find(id), (found) => found !== undefined && found.finished_at !== null).pipe(
    Effect.provide(Reconciliations.layer({ url, key, every: undefined }))
  )
})

const nameOf = Effect.fnUntraced(function*(id: string) {
  const sql = yield* SqlClient
  const [row] = yield* sql<{ readonly name: string }>`select name from qpr_codes where id = ${id}`
  return row?.name
})

const entries = Effect.gen(function*() {
  const log = yield* EventLog
  return (yield* log.read({ after: 0, limit: 1_000, filter: "3qpr.events.>" })).entries
})

describe("3QPR's list of codes", () => {
  it.live(
    "adds codes that no event contains, and each later change of them once",
    () =>
      Effect.gen(function*() {
        yield* Layer.build(projectorOf(qprCodes))
        const { account, url } = yield* simulated(45)
        yield* append(
          "evt_1",
          JSON.stringify({ id: "evt_1", event: "qpr_code.created", data: code(1) }),
          "qpr_code.created"
        )
        yield* untilCount("qpr_codes", 1)

        assert.deepInclude(yield* reconciled(url, { dry_run: true }), {
          codes_seen: 45,
          codes_outdated: 44,
          codes_appended: 0
        })
        const first = yield* reconciled(url)
        assert.deepInclude(first, {
          state: "done",
          seen: 0,
          codes_seen: 45,
          codes_outdated: 44,
          codes_appended: 44,
          codes_unusable: 0,
          codes_error: null
        })
        yield* untilCount("qpr_codes", 45)
        const listed = (yield* entries).filter(({ subject }) => subject === "3qpr.events.qpr_code.listed")
        assert.lengthOf(listed, 44)
        for (const { headers } of listed) {
          assert.deepInclude(headers, { "ce-type": "qpr_code.listed", "3qpr-reconciled": String(first?.id) })
          assert.isUndefined(headers["3qpr-signature"])
        }

        // Another number of scans does not count as a change of the code.
        account.record({ ...scanOfTheReference, qpr_code_id: "qpr_2", scanned_at: "2026-03-01T00:00:00Z" })
        assert.deepInclude(yield* reconciled(url), { codes_seen: 45, codes_outdated: 0, codes_appended: 0 })

        for (const [at, name] of ["Terrace", "Garden", "Terrace"].entries()) {
          account.recordCode(code(2, { name, metadata: { floor: 1 } }))
          account.recordCode(code(3, { name }))
          const one = yield* reconciled(url, { qpr_code_id: "qpr_2" })
          assert.deepInclude(one, { codes_seen: 1, codes_outdated: 1, codes_appended: 1 }, `change ${at}`)
          yield* until("the new name", nameOf("qpr_2"), (found) => found === name)
        }
        assert.strictEqual(yield* nameOf("qpr_3"), "Table 3")
        assert.lengthOf(yield* entries, 48)

        const { result } = (yield* rebuilt("qpr_codes")) ?? {}
        assert.strictEqual(yield* nameOf("qpr_2"), "Terrace")
        assert.deepStrictEqual(unequal((yield* rebuilt("qpr_codes", "verify"))?.result ?? result), [])
      }).pipe(Effect.provide(running), Effect.scoped),
    60_000
  )

  it.live("does not restore an erased code", () =>
    Effect.gen(function*() {
      yield* Layer.build(projectorOf(qprCodes))
      const { url } = yield* simulated(2)
      yield* remember({ kind: "qpr_code", id: "qpr_1" }, [], "2026-03-20T00:00:00Z")
      assert.deepInclude(yield* reconciled(url), { codes_seen: 2, codes_outdated: 1, codes_appended: 1 })
      yield* untilCount("qpr_codes", 1)
      assert.isUndefined(yield* nameOf("qpr_1"))
    }).pipe(Effect.provide(running), Effect.scoped), 30_000)

  it.live(
    "does not prevent the repair of scans when it is refused, nor that of other codes when one is unusable",
    () =>
      Effect.gen(function*() {
        yield* Layer.build(projectorOf(qprCodes))
        const refused = yield* answers([
          json(200, { scans: [], total: 0 }),
          json(403, { message: "no such right" })
        ])
        const without = yield* reconciled(refused.url)
        assert.deepInclude(without, { state: "done", error: null, codes_seen: 0 })
        assert.match(without?.codes_error ?? "", /answers 403.*no such right/)

        const odd = code(1, { name: "nul\u0000", metadata: { half: "\ud800" } })
        const list = [odd, 5, code(2), { ...code(3), id: null }]
        const { url } = yield* answers([
          json(200, { scans: [], total: 0 }),
          json(200, { qpr_codes: list, total: list.length }),
          json(200, { scans: [], total: 0 }),
          json(200, { qpr_codes: list, total: list.length })
        ])
        assert.deepInclude(yield* reconciled(url), {
          codes_seen: 4,
          codes_appended: 2,
          codes_unusable: 2
        })
        yield* untilCount("qpr_codes", 2)
        assert.strictEqual(yield* nameOf("qpr_2"), "Table 2")
        assert.deepInclude(yield* reconciled(url), { codes_seen: 4, codes_outdated: 0, codes_appended: 0 })
      }).pipe(Effect.provide(running), Effect.scoped),
    30_000
  )

  it.live(
    "reaches a read model whose durable consumer an earlier version created",
    () =>
      Effect.gen(function*() {
        const { url } = yield* simulated(2)
        yield* Effect.scoped(Effect.gen(function*() {
          yield* Layer.build(projectorOf({ ...qprCodes, types: ["qpr_code.created"] }))
          yield* append(
            "evt_1",
            JSON.stringify({ id: "evt_1", event: "qpr_code.created", data: code(1) }),
            "qpr_code.created"
          )
          yield* untilCount("qpr_codes", 1)
        }))
        yield* Layer.build(projectorOf(qprCodes))
        assert.deepInclude(yield* reconciled(url), { codes_seen: 2, codes_appended: 1 })
        yield* until("the code of the list", nameOf("qpr_2"), (name) => name === "Table 2")
      }).pipe(Effect.provide(running), Effect.scoped),
    30_000
  )
})
