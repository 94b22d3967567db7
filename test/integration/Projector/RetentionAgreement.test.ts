// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { type Duration, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { cutoff, expireLive } from "../../../src/Projector/Expire.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import * as RetentionAgreement from "../../../src/Projector/RetentionAgreement.ts"
import { postgres } from "../../support/Databases.ts"
import * as Memory from "../../support/MemoryLog.ts"
import { until } from "../../support/Until.ts"

const day = 86_400_000

/** Records the retention of another process on this database, last seen this long ago. */
const other = (retention: number | null, ago = "0 seconds") =>
  Effect.flatMap(SqlClient, (sql) =>
    sql`insert into row_retentions (process, retention, seen_at)
      values ('other', ${retention}::bigint, now() - ${ago}::interval)
      on conflict (process) do update set retention = excluded.retention, seen_at = excluded.seen_at`)

const faults = Effect.flatMap(ProcessHealth, ({ faults }) => faults)

const process = (retention: number | undefined, grace: Duration.Input = "0 seconds") =>
  RetentionAgreement.layer.pipe(
    Layer.provideMerge(Layer.mergeAll(Memory.layer(), postgres.layer, ProcessHealth.layer)),
    Layer.provideMerge(Layer.mergeAll(
      Layer.succeed(RetentionAgreement.RowRetention, retention),
      Layer.succeed(RetentionAgreement.RetentionGrace, grace)
    ))
  )

const differs = "ROW_RETENTION is 30d in this process and 365d in others that use the same database"

describe.concurrent("a process whose ROW_RETENTION differs from that of others on its database", () => {
  it.live("expires no row, and is not ready until all agree", () =>
    Effect.gen(function*() {
      assert.isString(yield* cutoff)
      yield* other(365 * day)
      assert.include((yield* Effect.flip(expireLive([scans]))).message, differs)
      const [fault] = yield* until("a fault", faults, (faults) => faults.length > 0)
      assert.strictEqual(fault?.part, "row retention")
      assert.include(fault?.reason, differs)
      assert.include(fault?.reason, "Set it to one value")
      yield* other(30 * day)
      assert.isString(yield* cutoff)
      yield* until("no fault", faults, (faults) => faults.length === 0)
    }).pipe(Effect.provide(process(30 * day))))

  it.live("does not treat a scan as expired while others keep it, even if it keeps all itself", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* cutoff)
      yield* other(30 * day)
      assert.include(
        (yield* Effect.flip(cutoff)).message,
        "ROW_RETENTION is unlimited in this process and 30d in others"
      )
    }).pipe(Effect.provide(process(undefined))))

  it.live("ignores a process that has ended, and stays ready during a rolling update", () =>
    Effect.gen(function*() {
      yield* other(365 * day, "31 seconds")
      assert.isString(yield* cutoff)
      yield* other(365 * day)
      const sql = yield* SqlClient
      const own =
        sql`select 1 from row_retentions where process <> 'other' and seen_at > now() - interval '4 seconds'`
      yield* until("a comparison", own, (rows) => rows.length > 0)
      assert.deepStrictEqual(yield* faults, [])
    }).pipe(Effect.provide(process(30 * day, "5 minutes"))))
})
