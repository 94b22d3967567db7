import { Context, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { firstRow, onlyRow } from "../../Database/Rows.ts"
import type { RebuildKind } from "../../Domain/Rebuild.ts"
import { EventLog } from "../../EventLog/EventLog.ts"
import { revisionOf, typesOf } from "../Definition.ts"
import { excludeGeneration, isLockTimeout } from "../Locks.ts"
import { beginPlace } from "../Place/Places.ts"
import type { Projection } from "../Projection.ts"
import { end, type Rebuild } from "../Registry.ts"
import { appliedTable, create, drop, replaceViews, tablesOf } from "../Tables.ts"
import { ViewsDoNotFit } from "../Views.ts"
import { dropLetters } from "./Letters.ts"

/**
 * Requests a rebuild of a projection. The live generation stays in use. Returns the rebuild's id; undefined when one
 * is running. A generation's number is never reused, so that no old data appears under it.
 */
export const request = Effect.fn("Rebuilds.request")(function*(
  name: string,
  kind: RebuildKind,
  by: string,
  acceptsNewLog = false
) {
  const sql = yield* SqlClient
  const made = yield* firstId(sql`
    insert into rebuilds (name, generation, retires, kind, requested_by, accepts_new_log)
    select name, next, next, ${kind}::text, ${by}::text, ${acceptsNewLog}::boolean from (
      select name, 1 + greatest(generation,
        (select max(rebuilds.generation) from rebuilds where rebuilds.name = projections.name)) as next
      from projections where name = ${name}
    ) as numbered
    on conflict do nothing
    returning id::float8 as id`)
  return made?.id
})

const firstId = firstRow(Schema.Struct({ id: Schema.Finite }))
const onlyTables = onlyRow(Schema.Struct({ tables: Schema.Array(Schema.String) }))
const firstGeneration = firstRow(Schema.Struct({ generation: Schema.Finite }))

/** Copies the records of erased events, so that they stay erased in a new generation. */
const carryForgotten = Effect.fnUntraced(function*(name: string, generation: number) {
  const sql = yield* SqlClient
  const live = yield* firstGeneration(sql`select generation from projections where name = ${name}`)
  if (live === undefined) return
  yield* excludeGeneration(name, live.generation)
  yield* sql`
    insert into ${sql.literal(appliedTable({ name }, generation))}
    select event_id, sequence from ${sql.literal(appliedTable({ name }, live.generation))} where sequence < 0`
})

/** Ends a rebuild without a result; false when it had ended before. */
export const cancel = (id: number) => end(id, "cancelled")

/** How long an older version of the program leaves a rebuild to a newer one, in milliseconds. */
export const BeginPatience = Context.Reference<number>("threeqpr-events/Projector/BeginPatience", {
  defaultValue: () => 10_000
})

/**
 * Creates the empty tables of a rebuild that no projector has started yet. A newer version of the program does this
 * within a second. An older one does it when the rebuild still waits later, because no newer one is running.
 */
export const begin = Effect.fn("Rebuilds.begin")(function*<E, R>(
  projection: Projection,
  { generation, id, kind, name }: Rebuild,
  durableFor: (projection: Projection, generation: number) => Effect.Effect<string, E, R>
) {
  const sql = yield* SqlClient
  const patience = yield* BeginPatience
  const { created } = yield* (yield* EventLog).state
  yield* sql.withTransaction(Effect.gen(function*() {
    const mine = yield* sql`
      select 1 from rebuilds join projections using (name)
      where id = ${id} and started_at is null and state = 'running' and (
        projections.version <= ${projection.version}
          and coalesce(projections.types = ${typesOf(projection)}::text::jsonb, true)
        or rebuilds.requested_at < clock_timestamp() - ${patience} * interval '1 millisecond')
      for update of rebuilds skip locked`
    if (mine.length === 0) return
    yield* drop(name, Object.keys(projection.tables), generation)
    yield* create(projection, generation)
    if (kind === "rebuild") yield* rehearse(projection, generation)
    const durable = yield* durableFor(projection, generation)
    yield* dropLetters(durable)
    yield* beginPlace({ name, generation }, durable)
    yield* carryForgotten(name, generation)
    yield* sql`
      update rebuilds set started_at = clock_timestamp(), version = ${projection.version},
        revision = ${revisionOf(projection)}, types = ${typesOf(projection)}::text::jsonb,
        log = ${created}, completed = false, definition = ${projection.own?.hash ?? null},
        retired_tables = ${tablesOf(projection)}::text::jsonb
      where id = ${id}`
    yield* Effect.logInfo(`projection ${name}: building generation ${generation} from the first event`)
  })).pipe(
    Effect.catchIf(doNotFit, ({ message }) =>
      Effect.andThen(
        Effect.logError(`the rebuild of ${name} failed: ${message}`),
        end(id, "failed", { error: message })
      ))
  )
})

const doNotFit = (error: unknown) => error instanceof ViewsDoNotFit

/** Takes back what a rehearsal has changed. */
class Rehearsed extends Schema.TaggedError<Rehearsed>()("Rehearsed", {}) {}

/**
 * Switches the views to the empty tables and takes that back. So a rebuild that could not be promoted fails before it
 * reads the log, and not after. While readers hold the views, it is left out.
 */
const rehearse = Effect.fnUntraced(function*(projection: Projection, generation: number) {
  const sql = yield* SqlClient
  const { tables } = yield* onlyTables(sql`
    select coalesce(tables, ${tablesOf(projection)}::text::jsonb) as tables from projections
    where name = ${projection.name}`)
  yield* sql.withTransaction(
    sql`set local lock_timeout = '500ms'`.pipe(
      Effect.andThen(replaceViews(projection, generation, tables)),
      Effect.andThen(Effect.fail(new Rehearsed()))
    )
  ).pipe(
    Effect.catchTag("Rehearsed", () => Effect.void),
    Effect.catchIf(isLockTimeout, () => Effect.void)
  )
})
