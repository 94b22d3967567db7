import { Effect, Option, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows, onlyRow } from "../../Database/Rows.ts"
import { eventOf } from "../../EventLog/Delivered.ts"
import { EventLog, type LogState } from "../../EventLog/EventLog.ts"
import { probeSubject } from "../../EventLog/Names.ts"
import { bucketSize } from "../Apply/AppliedCounts.ts"
import { appliedTable } from "../Tables.ts"
import { judgeLog, type LogVerdict, type Memory, refusal } from "./Place.ts"
import type { Generation } from "./Places.ts"
import type { Position } from "./Position.ts"

/** Number of the newest applied events that are compared with the log. */
const compared = 8

const onlyMemory = onlyRow(Schema.Struct({
  log: Schema.NullOr(Schema.String),
  checkpoint: Schema.Finite,
  mark_sequence: Schema.NullOr(Schema.Finite),
  mark_id: Schema.NullOr(Schema.String),
  bucket: Schema.Finite
}))

const allNewest = allRows(Schema.Struct({ event_id: Schema.String, sequence: Schema.Finite }))

/** What the database has stored about the log that a generation was built from. */
const memoryOf = Effect.fnUntraced(function*({ generation, name }: Generation) {
  const sql = yield* SqlClient
  const own = sql`name = ${name} and generation = ${generation}`
  const { bucket, checkpoint, log, mark_id, mark_sequence } = yield* onlyMemory(
    sql`select
      coalesce((select log from projections where ${own}), (select log from rebuilds where ${own})) as log,
      coalesce((select checkpoint from places where ${own}), 0)::float8 as checkpoint,
      (select mark_sequence from places where ${own})::float8 as mark_sequence,
      (select mark_id from places where ${own}) as mark_id,
      coalesce((select max(bucket) from applied_counts where ${own}), 0)::float8 as bucket`
  )
  const from = bucket * bucketSize
  // The sequence of an erased event is negative.
  const newest = yield* allNewest(
    sql`select event_id, sequence::float8 as sequence from ${sql.literal(appliedTable({ name }, generation))}
      where sequence >= ${from}::bigint or sequence <= ${-from}::bigint
      order by abs(sequence) desc limit ${compared}`
  )
  const marks: ReadonlyArray<Position> = [
    ...newest.filter(({ sequence }) => sequence > 0).map(({ event_id: id, sequence }) => ({ id, sequence })),
    ...(mark_sequence === null || mark_id === null ? [] : [{ id: mark_id, sequence: mark_sequence }])
  ]
  const highest = Math.max(
    checkpoint,
    mark_sequence ?? 0,
    ...newest.map(({ sequence }) => Math.abs(sequence))
  )
  return { created: log, highest, marks } satisfies Memory
})

/** The event at a sequence of the log; undefined for a gap and for a probe. A probe is deleted at once. */
export const positionAt = Effect.fnUntraced(function*(sequence: number) {
  const log = yield* EventLog
  const entry = Option.getOrUndefined(yield* log.get(sequence))
  return entry === undefined || entry.subject === probeSubject
    ? undefined
    : { sequence, id: eventOf(entry).id }
})

/** A comparison of a generation with the log. */
export interface Comparison {
  readonly verdict: LogVerdict
  readonly memory: Memory
  readonly now: Pick<LogState, "created" | "lastSequence">
}

/** Compares a generation with the current log. Changes nothing. */
export const compareLog = Effect.fn("LogIdentity.compareLog")(function*(of: Generation) {
  const log = yield* EventLog
  // The log is read last, so that it includes events that are applied meanwhile.
  const memory = yield* memoryOf(of)
  const { created, lastSequence } = yield* log.state
  const found = memory.highest > lastSequence ? [] : yield* Effect.forEach(
    memory.marks,
    ({ sequence }) => positionAt(sequence),
    { concurrency: compared + 1 }
  )
  const ids = new Map(
    found.filter((entry) => entry !== undefined).map(({ id, sequence }) => [sequence, id])
  )
  const now = { created, lastSequence }
  return { verdict: judgeLog(memory, { ...now, ids }), memory, now } satisfies Comparison
})

/**
 * Compares a generation with the log and stores the creation time of a matching log. Returns the reason why nothing
 * may be applied from another log.
 */
export const otherLog = Effect.fnUntraced(function*(of: Generation) {
  const comparison = yield* compareLog(of)
  return yield* settle(of, comparison)
})

/** Stores the creation time of a matching log. Returns the reason why nothing may be applied from another log. */
export const settle = Effect.fnUntraced(function*(of: Generation, { now, verdict }: Comparison) {
  if (verdict._tag === "other") return refusal(of.name, verdict.reason)
  if (verdict._tag === "adopt") yield* adopt(of, now.created)
  return undefined
})

const adopt = Effect.fn("LogIdentity.adopt")(function*({ generation, name }: Generation, created: string) {
  const sql = yield* SqlClient
  yield* sql`update projections set log = ${created} where name = ${name} and generation = ${generation}`
  yield* sql`update rebuilds set log = ${created} where name = ${name} and generation = ${generation}`
})
