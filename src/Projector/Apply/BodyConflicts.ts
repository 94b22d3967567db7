import { Effect, Option, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import { allRows, firstRow, onlyRow } from "../../Database/Rows.ts"
import { EventLog } from "../../EventLog/EventLog.ts"
import { appliedTable } from "../Tables.ts"

/** Number of entries compared per transaction. */
const part = 100

/**
 * Compares the bodies of repeated entries with those of the applied entries, and stores the result. After the
 * deduplication window the log stores an id again. The read models ignore such an entry, even with another body. Any
 * process may run it; each entry is compared once. Returns the number of compared entries.
 */
export const compareRepeats = Effect.fn("BodyConflicts.compare")(function*() {
  const sql = yield* SqlClient
  return yield* sql.withTransaction(Effect.gen(function*() {
    const due = yield* allDue(
      sql`select name, generation, sequence::float8 as sequence, event_id from repeated
        where body is null and event_id is not null order by sequence limit ${part} for update skip locked`
    )
    for (const { event_id, generation, name, sequence } of due) {
      const before = yield* firstBody(
        sql`select body from repeated where name = ${name} and sequence = ${sequence}::bigint and body is not null limit 1`
      )
      const body = before?.body ?? (yield* compare(name, generation, event_id, sequence))
      yield* sql`update repeated set body = ${body}
        where name = ${name} and generation = ${generation} and sequence = ${sequence}::bigint`
    }
    return due.length
  }))
})

/** Number of entries in the log that have the id of an applied event and another body. */
export const conflicts = Effect.gen(function*() {
  const sql = yield* SqlClient
  const { count } = yield* onlyCount(
    sql`select count(distinct sequence)::float8 as count from repeated where body = 'other'`
  )
  return count
}).pipe(Effect.withSpan("Projector.conflicts"))

const compare = Effect.fnUntraced(
  function*(name: string, generation: number, eventId: string, sequence: number) {
    const sql = yield* SqlClient
    const log = yield* EventLog
    const applied = yield* firstSequence(
      sql`select abs(sequence)::float8 as sequence from ${sql.literal(appliedTable({ name }, generation))}
        where event_id = ${eventId}`
    )
    const first = applied === undefined ? Option.none() : yield* log.get(applied.sequence)
    const again = yield* log.get(sequence)
    if (applied === undefined || Option.isNone(first) || Option.isNone(again)) return "gone"
    if (Buffer.compare(first.value.body, again.value.body) === 0) return "same"
    yield* Effect.logWarning(
      `event ${eventId} is in the log again with a different body: sequence ${sequence} is ignored, sequence `
        + `${applied.sequence} stays applied. Compare them with \`threeqpr events get ${eventId}\`.`
    )
    return "other"
  }
)

const allDue = allRows(Schema.Struct({
  name: Schema.String,
  generation: Schema.Finite,
  sequence: Schema.Finite,
  event_id: Schema.String
}))
const firstBody = firstRow(Schema.Struct({ body: Schema.Literals(["same", "other", "gone"]) }))
const firstSequence = firstRow(Schema.Struct({ sequence: Schema.Finite }))
const onlyCount = onlyRow(Schema.Struct({ count: Schema.Finite }))
