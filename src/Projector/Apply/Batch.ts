import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { storable } from "../../Domain/ExactJson.ts"
import type { EventLog, ReadFailed } from "../../EventLog/EventLog.ts"
import { announce } from "../Changes/Announce.ts"
import { follows } from "../Definition.ts"
import { excludeGeneration, isLockTimeout, keep, share } from "../Locks.ts"
import type { Position } from "../Place/Position.ts"
import { type Projection, tableName } from "../Projection.ts"
import { roleOf } from "../Registry.ts"
import { appliedTable } from "../Tables.ts"
import { positionRows, record } from "./AppliedCounts.ts"
import type { Decoded } from "./Decoded.ts"
import { appliedLater, type History, historyOf, OutOfOrder, takeBack } from "./Repeats.ts"

/** Nothing was applied, and not because of an event: the generation was dropped, or is being compared or promoted. */
export class NotNow extends Schema.TaggedError<NotNow>()("NotNow", { message: Schema.String }) {}

/**
 * Applies events to a generation, in any order of arrival. An id counts under its lowest sequence in the log, even
 * when its repetition was applied first.
 */
export const applyInOrder = (projection: Projection, generation: number, events: ReadonlyArray<Decoded>) => {
  const attempt = (history?: History): Effect.Effect<void, Failure, EventLog | SqlClient> =>
    applyOnce(projection, generation, events, history).pipe(
      Effect.catchTag("OutOfOrder", ({ later }) => Effect.flatMap(historyOf(projection, later), attempt))
    )
  return attempt()
}

type Failure = NotNow | ReadFailed | SqlError

/**
 * Applies events to a generation of a read model in one transaction. Fails when the generation is neither live nor
 * being built. New ids are recorded and applied; recorded ids change nothing.
 */
export const applyOnce = Effect.fnUntraced(
  function*(projection: Projection, generation: number, events: ReadonlyArray<Decoded>, history?: History) {
    const sql = yield* SqlClient
    yield* sql.withTransaction(Effect.gen(function*() {
      yield* (history === undefined ? share(projection.name, generation) : alone(projection.name, generation))
        .pipe(
          Effect.catchIf(isLockTimeout, () => new NotNow({ message: "it is being compared or switched" }))
        )
      const role = yield* roleOf(projection.name, generation)
      if (role === undefined) {
        return yield* new NotNow({ message: `generation ${generation} no longer exists` })
      }
      if (!follows(projection, role)) {
        return yield* new NotNow({ message: "another version of the program defines its event types" })
      }
      const apply = role.completed ? projection.apply : projection.bulk?.apply ?? projection.apply
      const again = history === undefined
        ? []
        : yield* takeBack(projection, generation, history, role.completed)
      if (again.length > 0) yield* applyTo({ ...projection, apply }, generation, again)
      const fresh = yield* applyWithin({ ...projection, apply }, generation, events, history?.gone)
      const sequences = [...again, ...fresh].map(({ event }) => event.sequence)
      if (role.live) yield* announce({ name: projection.name, kind: "changed", sequences })
    }))
  }
)

/** Like `share`, and blocks the other batches of the generation. */
const alone = (name: string, generation: number) =>
  Effect.andThen(keep(name), excludeGeneration(name, generation))

/**
 * Like `applyOnce`, in a transaction that already holds the locks. Returns the events that were not applied before, and
 * announces nothing.
 */
export const applyWithin = Effect.fnUntraced(
  function*(
    projection: Projection,
    generation: number,
    events: ReadonlyArray<Decoded>,
    gone: ReadonlySet<string> = new Set()
  ) {
    const sql = yield* SqlClient
    const candidates = firstOfEach(events)
    const recorded = yield* record(projection, generation, positionsOf(candidates.values()))
    if (recorded.length < events.length) {
      const positions = positionRows(sql, positionsOf(candidates.values()))
      const later = (yield* appliedLater(projection, generation, positions)).filter(({ id }) => !gone.has(id))
      if (later.length > 0) {
        return yield* new OutOfOrder({
          message: `${later.length} events are stored after their copies`,
          later
        })
      }
      yield* recordRepeated(projection, generation, events)
    }
    const fresh = recorded.flatMap((id) => candidates.get(id) ?? [])
    if (fresh.length > 0) yield* applyTo(projection, generation, fresh)
    return fresh
  }
)

const applyTo = Effect.fnUntraced(
  function*(projection: Projection, generation: number, events: ReadonlyArray<Decoded>) {
    const sql = yield* SqlClient
    yield* projection.apply(
      sql,
      (name) => sql.literal(tableName(name, generation)),
      { rows: rowsOf(sql, events), count: events.length }
    )
  }
)

/** Records the sequences of repeated events, so that applied and repeated events account for all entries. */
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

// Sorted by sequence, so that a repeated id counts under its first sequence.
const firstOfEach = (events: ReadonlyArray<Decoded>) => {
  const first = new Map<string, Decoded>()
  for (const decoded of events.toSorted((a, b) => a.event.sequence - b.event.sequence)) {
    if (!first.has(decoded.event.id)) first.set(decoded.event.id, decoded)
  }
  return first
}

const positionsOf = (events: Iterable<Decoded>): ReadonlyArray<Position> =>
  Array.from(events, ({ event: { id, sequence } }) => ({ id, sequence }))

interface Row {
  readonly event: Pick<Decoded["event"], "id" | "receivedAt" | "sequence">
  readonly json: string
}

// Without `offset 0` Postgres would parse an event's JSON again for each field.
/** Events as rows for the SQL of a projection. */
export const rowsOf = (sql: SqlClient, events: ReadonlyArray<Row>) =>
  sql`(
    select event_id, sequence, received_at::timestamptz, event::jsonb
    from unnest(${events.map(({ event }) => event.id)}::text[], ${
    events.map(({ event }) => event.sequence)
  }::bigint[], ${events.map(({ event }) => event.receivedAt)}::text[], ${
    events.map(({ json }) => storable(json))
  }::text[]) as row (event_id, sequence, received_at, event) offset 0)`
