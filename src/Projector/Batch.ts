import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { Delivered } from "../Consumer/Delivered.ts"
import { type Projection, tableName } from "../Projection.ts"
import { type Position, positionRows, record } from "./AppliedCounts.ts"
import { isLockTimeout, share } from "./Locks.ts"
import { isCompleted } from "./Registry.ts"
import { appliedTable } from "./Tables.ts"

/** An event that the projection can apply: its body is JSON that fits its type's schema. */
export interface Decoded {
  readonly event: Delivered
  /** The signed JSON as it stands, so that no number or unknown field is lost on the way to the row. */
  readonly json: string
}

/** Nothing was applied, and no event is to blame: the generation is no more, or somebody compares it. */
export class NotNow extends Schema.TaggedError<NotNow>()("NotNow", { message: Schema.String }) {}

/**
 * Applies events to a generation of a read model in one transaction, unless it is no longer wanted. The ids
 * that it has never seen are recorded and applied; all others change nothing, however often they come.
 */
export const applyOnce = Effect.fnUntraced(
  function*(projection: Projection, generation: number, events: ReadonlyArray<Decoded>) {
    const sql = yield* SqlClient
    yield* sql.withTransaction(Effect.gen(function*() {
      yield* share(projection.name, generation).pipe(
        Effect.catchIf(isLockTimeout, () => new NotNow({ message: "it is being compared or switched" }))
      )
      const completed = yield* isCompleted(projection.name, generation)
      if (completed === undefined) {
        return yield* new NotNow({ message: `generation ${generation} is no more` })
      }
      const apply = completed ? projection.apply : projection.bulk?.apply ?? projection.apply
      yield* applyWithin({ ...projection, apply }, generation, events)
    }))
  }
)

/** The same within a transaction that keeps others from this projection. */
export const applyWithin = Effect.fnUntraced(
  function*(projection: Projection, generation: number, events: ReadonlyArray<Decoded>) {
    const sql = yield* SqlClient
    const candidates = firstOfEach(events)
    const recorded = yield* record(projection, generation, positionsOf(candidates.values()))
    if (recorded.length < events.length) yield* recordRepeated(projection, generation, events)
    const fresh = recorded.flatMap((id) => candidates.get(id) ?? [])
    if (fresh.length === 0) return
    yield* projection.apply(
      sql,
      (name) => sql.literal(tableName(name, generation)),
      { rows: rowsOf(sql, fresh), count: fresh.length }
    )
  }
)

/** Keeps the places of events that are in the stream again, so that applied and repeated make up all. */
const recordRepeated = Effect.fnUntraced(
  function*(projection: Projection, generation: number, events: ReadonlyArray<Decoded>) {
    const sql = yield* SqlClient
    yield* sql`
      insert into repeated (name, generation, sequence, event_id)
      select ${projection.name}::text, ${generation}::int, row.sequence, row.event_id
      from ${positionRows(sql, positionsOf(events))} as row
      join ${sql.literal(appliedTable(projection, generation))} as applied
        on applied.event_id = row.event_id and abs(applied.sequence) <> row.sequence
      on conflict do nothing`
  }
)

// In the order of the stream, so that a repeated id counts where it stood first.
const firstOfEach = (events: ReadonlyArray<Decoded>) => {
  const first = new Map<string, Decoded>()
  for (const decoded of events.toSorted((a, b) => a.event.sequence - b.event.sequence)) {
    if (!first.has(decoded.event.id)) first.set(decoded.event.id, decoded)
  }
  return first
}

const positionsOf = (events: Iterable<Decoded>): ReadonlyArray<Position> =>
  Array.from(events, ({ event: { id, sequence } }) => ({ id, sequence }))

// Without the offset Postgres would read an event's JSON again for each field that is taken of it.
const rowsOf = (sql: SqlClient, events: ReadonlyArray<Decoded>) =>
  sql`(
    select event_id, sequence, received_at::timestamptz, event::jsonb
    from unnest(${events.map(({ event }) => event.id)}::text[], ${
    events.map(({ event }) => event.sequence)
  }::bigint[], ${events.map(({ event }) => event.receivedAt)}::text[], ${
    events.map(({ json }) => json)
  }::text[]) as row (event_id, sequence, received_at, event) offset 0)`
