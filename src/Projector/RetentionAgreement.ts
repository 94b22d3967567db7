import { Context, Duration, Effect, Layer, Schedule, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows } from "../Database/Rows.ts"
import { messageOf } from "../Process/Failure.ts"
import { instance, startedAt } from "../Process/Instance.ts"
import { monotonicMillis } from "../Process/Monotonic.ts"
import { ProcessHealth } from "../Process/ProcessHealth.ts"

/** How long rows are kept after the time of their event, in milliseconds; undefined keeps them without a limit. */
export const RowRetention = Context.Reference<number | undefined>("threeqpr-events/Projector/RowRetention", {
  defaultValue: () => undefined
})

/** Processes of one database have different values of ROW_RETENTION, so no row is removed by its age. */
export class RetentionDiffers
  extends Schema.TaggedError<RetentionDiffers>()("RetentionDiffers", { message: Schema.String })
{}

/** How often a process writes its value and reads the others. */
const every = "5 seconds"

/** A process that has not written its value for this long counts as ended. */
const silence = "30 seconds"

/**
 * How long values may differ before a process reports that it is not ready. A rolling update that changes the value
 * finishes within this time. It would stop at a new process that is not ready.
 */
export const RetentionGrace = Context.Reference<Duration.Input>("threeqpr-events/Projector/RetentionGrace", {
  defaultValue: () => "5 minutes"
})

const allOthers = allRows(Schema.Struct({ retention: Schema.NullOr(Schema.Finite) }))

/**
 * Why no row is removed by its age: other processes of this database have another ROW_RETENTION. Undefined when all
 * agree.
 */
export const difference = Effect.gen(function*() {
  const retention = yield* RowRetention
  const sql = yield* SqlClient
  const others = yield* allOthers(
    sql`select distinct retention::float8 as retention from row_retentions
      where seen_at > now() - ${silence}::interval
        and retention is distinct from ${retention ?? null}::bigint
      order by 1`
  )
  if (others.length === 0) return undefined
  return `ROW_RETENTION is ${named(retention)} in this process and `
    + `${
      others.map(({ retention }) => named(retention)).join(" and ")
    } in others that use the same database. `
    + "No row is removed by its age, and no reconciliation appends scans, until all have one value. Set it to one "
    + "value and start those processes again."
})

const named = (retention: number | null | undefined) =>
  retention === null || retention === undefined ? "unlimited" : Duration.format(Duration.millis(retention))

/** Fails when other processes of this database have another ROW_RETENTION. */
export const agreed = Effect.flatMap(
  difference,
  (message) => message === undefined ? Effect.void : Effect.fail(new RetentionDiffers({ message }))
)

const own = `${instance()} ${startedAt}`

const write = Effect.gen(function*() {
  const retention = yield* RowRetention
  const sql = yield* SqlClient
  yield* sql`delete from row_retentions where seen_at < now() - interval '1 hour'`
  yield* sql`insert into row_retentions (process, retention) values (${own}, ${retention ?? null}::bigint)
    on conflict (process) do update set retention = excluded.retention, seen_at = excluded.seen_at`
})

/** Stores the value of this process in the database and compares it with the values of other processes. */
export const layer = Layer.effectDiscard(Effect.gen(function*() {
  const vitals = yield* ProcessHealth
  const sql = yield* SqlClient
  const grace = Duration.toMillis(yield* RetentionGrace)
  let found: { readonly message: string; readonly since: number } | undefined
  yield* vitals.watch(
    "row retention",
    Effect.map(
      monotonicMillis,
      (now) => found !== undefined && now - found.since >= grace ? found.message : undefined
    )
  )
  yield* Effect.addFinalizer(() =>
    Effect.ignore(Effect.timeout(sql`delete from row_retentions where process = ${own}`, "1 second"))
  )
  const look = Effect.gen(function*() {
    yield* write
    const message = yield* difference
    if (message === undefined) return void (found = undefined)
    if (message !== found?.message) yield* Effect.logWarning(message)
    found = { message, since: found?.since ?? (yield* monotonicMillis) }
  })
  yield* vitals.run(
    "the comparison of ROW_RETENTION",
    look.pipe(
      Effect.catch((error) => Effect.logDebug(`ROW_RETENTION is not compared yet: ${messageOf(error)}`)),
      Effect.repeat(Schedule.spaced(every)),
      Effect.andThen(Effect.never)
    )
  )
}))
