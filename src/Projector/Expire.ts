import { Clock, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows, onlyRow } from "../Database/Rows.ts"
import { EventLog } from "../EventLog/EventLog.ts"
import { announce } from "./Changes/Announce.ts"
import { excludeGeneration } from "./Locks.ts"
import { idColumn, type Projection, type Rows, tableName } from "./Projection.ts"
import { isCompleted, lives } from "./Registry.ts"
import { agreed, RowRetention } from "./RetentionAgreement.ts"

export { RowRetention }

/** Maximum number of rows deleted per transaction. Batches and other processes run between two transactions. */
const part = 1_000

/** The clock cannot be trusted, so no row is removed by its age. */
export class ClockInDoubt
  extends Schema.TaggedError<ClockInDoubt>()("ClockInDoubt", { message: Schema.String })
{}

/** Maximum difference between this process's clock and the database's, in milliseconds. */
const mostApart = 300_000

/** How far this process's clock may be ahead of the newest entry of the log, in milliseconds. */
const mostQuiet = 7 * 86_400_000

/**
 * Oldest timestamp that is retained (ISO 8601); undefined when all rows are kept. Fails when the database's clock,
 * the newest entry of the log or another process contradicts this process. So a single wrong clock or setting deletes
 * no row.
 */
export const cutoff = Effect.gen(function*() {
  yield* agreed
  const retention = yield* RowRetention
  if (retention === undefined) return undefined
  const now = yield* Clock.currentTimeMillis
  const sql = yield* SqlClient
  const database = yield* onlyTime(sql`select extract(epoch from clock_timestamp())::float8 * 1000 as now`)
  if (Math.abs(database.now - now) > mostApart) {
    return yield* new ClockInDoubt({
      message:
        `the clock of this process (${timeOf(now)}) and that of the database (${
          timeOf(database.now)
        }) are more than five minutes apart. `
        + "Correct the wrong clock. Until then, no row is removed by its age."
    })
  }
  const log = yield* EventLog
  const { entries, lastSequence } = yield* log.state
  if (entries > 0 && (yield* log.sequenceAt(now - mostQuiet)) > lastSequence) {
    return yield* new ClockInDoubt({
      message:
        `the clock of this process (${
          timeOf(now)
        }) is more than seven days ahead of the newest entry of the log. Correct it if it is `
        + "wrong; until the next event no row is removed by its age."
    })
  }
  return timeOf(now - retention)
})

const allSequences = allRows(Schema.Struct({ sequence: Schema.Finite }))
const onlyTime = onlyRow(Schema.Struct({ now: Schema.Finite }))

const timeOf = (millis: number) => new Date(millis).toISOString()

/** Removes expired rows from the live generations, in several transactions. Any process may run it. */
export const expireLive = Effect.fn("Projector.expireLive")(
  function*(projections: ReadonlyArray<Projection>) {
    const sql = yield* SqlClient
    const before = yield* cutoff
    if (before === undefined) return
    const registry = yield* lives
    for (const projection of projections) {
      const live = registry.find(({ name }) => name === projection.name)
      // Skip tables of another version of the projection.
      if (live === undefined || live.version !== projection.version) continue
      let removed: number
      do {
        removed = yield* sql.withTransaction(Effect.gen(function*() {
          yield* excludeGeneration(projection.name, live.generation)
          const sequences = yield* expiring(projection, live.generation, before)
          const count = yield* expire(projection, live.generation, before, part)
          yield* announce(
            sequences === undefined && count > 0
              ? { name: projection.name, kind: "rebuilt", sequences: [] }
              : { name: projection.name, kind: "removed", sequences: sequences ?? [] }
          )
          return count
        }))
      } while (removed === part)
    }
  }
)

/** The sequences of the rows that the next part removes; undefined when the rows do not name them. */
const expiring = Effect.fnUntraced(function*({ rows }: Projection, generation: number, before: string) {
  const sql = yield* SqlClient
  if (rows?.happenedAt === undefined) return []
  const named = yield* sql`
    select 1 from pg_attribute where attrelid = ${tableName(rows.table, generation)}::regclass
      and attname = 'sequence' and not attisdropped`
  if (named.length === 0) return undefined
  const found = yield* allSequences(sql`
    select sequence::float8 as sequence from ${oldest(sql, rows, generation, before, part)}`)
  return found.map(({ sequence }) => sequence)
})

/** The oldest rows of a generation, as a source to select from. */
const oldest = (sql: SqlClient, rows: Rows, generation: number, before: string, most: number) =>
  sql`(select * from ${sql.literal(tableName(rows.table, generation))}
    where ${sql.literal(rows.happenedAt ?? "")} < ${before}::timestamptz
    order by ${sql.literal(rows.happenedAt ?? "")}, ${idColumn(sql, rows)} limit ${most}) as oldest`

/**
 * Removes rows of a generation that are older than `before`, at most `most` of them, and subtracts them from their
 * counters. The record of applied events stays, so a removed row is not created again. Call it in a transaction that
 * excludes batches. Returns the number of removed rows.
 */
export const expire = Effect.fnUntraced(
  function*(projection: Projection, generation: number, before: string, most = Number.MAX_SAFE_INTEGER) {
    const sql = yield* SqlClient
    const completed = yield* isCompleted(projection.name, generation)
    if (projection.rows?.happenedAt === undefined || completed === undefined) return 0
    const id = idColumn(sql, projection.rows)
    return yield* projection.rows.remove(
      sql,
      (name) => sql.literal(tableName(name, generation)),
      sql`${id} in (select ${id} from ${oldest(sql, projection.rows, generation, before, most)})`,
      completed
    )
  }
)
