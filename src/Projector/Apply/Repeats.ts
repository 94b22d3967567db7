import { Effect, Schema, Stream } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import { allRows } from "../../Database/Rows.ts"
import { belongingOf, keyOf } from "../../Domain/Belonging.ts"
import { decodeDelivery } from "../../Domain/Decode.ts"
import { toStored } from "../../Domain/StoredText.ts"
import { eventOf } from "../../EventLog/Delivered.ts"
import { entriesOf } from "../../EventLog/Entries.ts"
import { EventLog, type LoggedEntry } from "../../EventLog/EventLog.ts"
import { filterOf } from "../../EventLog/Subjects.ts"
import { idColumn, type Projection, tableName } from "../Projection.ts"
import { wantRebuild } from "../Registry.ts"
import { appliedTable } from "../Tables.ts"
import { bucketSize } from "./AppliedCounts.ts"
import type { Decoded } from "./Decoded.ts"

/** An id that a generation has already applied under a higher sequence. */
export const Later = Schema.Struct({ id: Schema.String, applied: Schema.Finite, sequence: Schema.Finite })
export type Later = typeof Later.Type

const allLater = allRows(Later)
const allIds = allRows(Schema.Struct({ id: Schema.String }))
const allSequences = allRows(Schema.Struct({ sequence: Schema.Finite }))

/** Nothing was applied. Repetitions of these ids were applied first, but the lowest sequence of an id counts. */
export class OutOfOrder extends Schema.TaggedError<OutOfOrder>()("OutOfOrder", {
  message: Schema.String,
  later: Schema.Array(Later)
}) {}

/** What the log holds about ids whose repetitions were applied first. */
export interface History {
  /** The ids that the log still holds under the lower sequence. */
  readonly later: ReadonlyArray<Later>
  /** The other ids. For the log, and therefore for a rebuild, their repetitions are the first entries. */
  readonly gone: ReadonlySet<string>
  /** The events about the same entities, up to the repetitions. */
  readonly events: ReadonlyArray<Told>
}

/** An event and the id of its entity, as stored in the rows. */
interface Told {
  readonly decoded: Decoded
  readonly entity: string
}

/**
 * Reads from the log what `takeBack` needs. Call it outside a transaction, because the log between an event and its
 * repetition can be long.
 */
export const historyOf = Effect.fn("Repeats.historyOf")(
  function*(projection: Projection, all: ReadonlyArray<Later>) {
    const log = yield* EventLog
    const { firstSequence } = yield* log.state
    const later = all.filter(({ sequence }) => sequence >= firstSequence)
    const gone = new Set(all.filter(({ sequence }) => sequence < firstSequence).map(({ id }) => id))
    const told = new Map<number, Told>()
    const last = Math.max(0, ...later.map(({ applied }) => applied))
    const entities = new Set<string>()
    for (const { applied, sequence } of later) {
      for (const at of [applied, sequence]) {
        const found = yield* log.get(at)
        const one = found._tag === "Some" ? toldBy(projection, found.value) : undefined
        if (one === undefined) continue
        told.set(at, one)
        entities.add(one.entity)
      }
    }
    // When both are about the same entity, no event before the first of them can determine its row.
    const isSame = later.every(({ applied, sequence }) =>
      told.get(applied)?.entity === told.get(sequence)?.entity
    )
    const from = isSame ? Math.min(last, ...later.map(({ sequence }) => sequence)) : firstSequence
    const range = { after: from - 1, upTo: last - 1, filter: filterOf(projection) }
    yield* Stream.runForEachArray(entriesOf(log.read, range), (entries) =>
      Effect.sync(() => {
        for (const entry of entries) {
          const one = toldBy(projection, entry)
          if (one !== undefined && entities.has(one.entity)) told.set(entry.sequence, one)
        }
      }))
    return { later, gone, events: [...told.values()] } satisfies History
  }
)

const toldBy = (projection: Projection, entry: LoggedEntry): Told | undefined => {
  const event = eventOf(entry)
  const reading = decodeDelivery(event.body)
  if (reading._tag !== "Event" || !projection.types.includes(event.type)) return undefined
  const { own } = belongingOf(JSON.parse(reading.text))
  const prefix = keyOf(projection.rows?.entity ?? "", "")
  if (own === undefined || !own.startsWith(prefix)) return undefined
  return { decoded: { event, json: reading.text }, entity: toStored(own.slice(prefix.length)) }
}

/** Which of these events were applied under a higher sequence. */
export const appliedLater = Effect.fnUntraced(
  function*(projection: Projection, generation: number, positions: Fragment) {
    const sql = yield* SqlClient
    return yield* allLater(sql`
      select row.event_id as id, applied.sequence::float8 as applied, row.sequence::float8 as sequence
      from ${positions} as row join ${sql.literal(appliedTable(projection, generation))} as applied
        on applied.event_id = row.event_id and applied.sequence > row.sequence`)
  }
)

/**
 * Corrects a generation as if the repetitions had arrived after their events. They count as repeated, and the rows
 * built from them are removed. Returns the events to apply again for those rows. Call it in a transaction that
 * excludes the generation's batches.
 */
export const takeBack = Effect.fn("Repeats.takeBack")(
  function*(projection: Projection, generation: number, history: History, completed: boolean) {
    const sql = yield* SqlClient
    const { events, later } = history
    if (later.length === 0) return []
    yield* moveDown(projection, generation, later)
    const { rows } = projection
    if (rows === undefined) {
      yield* wantRebuild(projection.name, "repeated events that came before their first deliveries")
      return []
    }
    const id = idColumn(sql, rows)
    const table = (name: string) => sql.literal(tableName(name, generation))
    const made = yield* allIds(sql`
      select distinct ${id} as id from ${table(rows.table)}
      where ${id} = any(${[...new Set(events.map(({ entity }) => entity))]}::text[])
        and event_id = any(${later.map(({ id }) => id)}::text[])`)
    const affected = new Set(made.map(({ id }) => id))
    const entityAt = new Map(events.map(({ decoded, entity }) => [decoded.event.sequence, entity]))
    const moved = new Set(
      later.filter(({ applied, sequence }) => entityAt.get(applied) !== entityAt.get(sequence)).map((
        { sequence }
      ) => sequence)
    )
    yield* rows.remove(sql, table, sql`${id} = any(${[...affected]}::text[])`, completed)
    const applied = yield* allSequences(sql`
      select sequence::float8 as sequence from ${sql.literal(appliedTable(projection, generation))}
      where event_id = any(${events.map(({ decoded }) => decoded.event.id)}::text[]) and sequence > 0`)
    const counts = new Set(applied.map(({ sequence }) => sequence))
    return events.filter(({ decoded: { event: { sequence } }, entity }) =>
      counts.has(sequence) && (affected.has(entity) || moved.has(sequence))
    ).map(({ decoded }) => decoded)
  }
)

/** Sets events to their lower sequence and records the previous one as repeated. */
const moveDown = Effect.fnUntraced(
  function*(projection: Projection, generation: number, later: ReadonlyArray<Later>) {
    const sql = yield* SqlClient
    const { name } = projection
    yield* sql`
      with moved as (
        update ${sql.literal(appliedTable(projection, generation))} as applied set sequence = row.sequence
        from unnest(${later.map(({ id }) => id)}::text[], ${later.map(({ applied }) => applied)}::bigint[], ${
      later.map(({ sequence }) => sequence)
    }::bigint[]) as row (id, applied, sequence)
        where applied.event_id = row.id and applied.sequence = row.applied
        returning row.id, row.applied, row.sequence
      ), counted as (
        insert into applied_counts as counts (name, generation, bucket, shard, events)
        select ${name}::text, ${generation}::int, place / ${sql.literal(String(bucketSize))}, 0, sum(change)
        from moved, lateral (values (applied, -1), (sequence, 1)) as places (place, change)
        group by 3 order by 3
        on conflict (name, generation, bucket, shard) do update set events = counts.events + excluded.events
      )
      insert into repeated (name, generation, sequence, event_id)
      select ${name}::text, ${generation}::int, applied, id from moved on conflict do nothing`
  }
)
