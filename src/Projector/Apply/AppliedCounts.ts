import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows, onlyRow } from "../../Database/Rows.ts"
import type { Position } from "../Place/Position.ts"
import type { Projection } from "../Projection.ts"
import { appliedTable } from "../Tables.ts"

/** Number of sequences that one count covers. */
export const bucketSize = 10_000

/** Positions to select from: `event_id text, sequence bigint`. */
export const positionRows = (sql: SqlClient, positions: ReadonlyArray<Position>) =>
  sql`(
    select * from unnest(${positions.map(({ id }) => id)}::text[], ${
    positions.map(({ sequence }) => sequence)
  }::bigint[]) as row (event_id, sequence))`

/**
 * Records events as applied and counts them, in one statement. Returns the ids that were not recorded before. Each
 * count is split into several rows, so that transactions on the same part of the log rarely wait for each other.
 */
export const record = Effect.fnUntraced(function*(
  projection: Projection,
  generation: number,
  positions: ReadonlyArray<Position>
) {
  const sql = yield* SqlClient
  const recorded = yield* allIds(sql`
    with recorded as (
      insert into ${sql.literal(appliedTable(projection, generation))} (event_id, sequence)
      select event_id, sequence from ${positionRows(sql, positions)} as row
      order by event_id
      on conflict (event_id) do nothing
      returning event_id, sequence
    ), counted as (
      insert into applied_counts as counts (name, generation, bucket, shard, events)
      select ${projection.name}::text, ${generation}::int, sequence / ${sql.literal(String(bucketSize))},
        pg_backend_pid() % 16, count(*)
      from recorded group by 3 order by 3
      on conflict (name, generation, bucket, shard) do update set events = counts.events + excluded.events
    )
    select event_id from recorded`)
  return recorded.map(({ event_id }) => event_id)
})

const allIds = allRows(Schema.Struct({ event_id: Schema.String }))
const onlyCount = onlyRow(Schema.Struct({ events: Schema.Finite }))

/** Number of events that a generation has applied within a range of sequences, both ends included. */
export const appliedWithin = Effect.fn("Projector.appliedWithin")(
  function*(projection: Projection, generation: number, from: number, to: number) {
    const sql = yield* SqlClient
    const table = sql.literal(appliedTable(projection, generation))
    const first = Math.ceil(from / bucketSize)
    const end = Math.max(first, Math.floor((to + 1) / bucketSize))
    const { events } = yield* onlyCount(sql`
      select (
        (select coalesce(sum(events), 0) from applied_counts
          where name = ${projection.name} and generation = ${generation}
            and bucket >= ${first}::bigint and bucket < ${end}::bigint)
        + (select count(*) from ${table} where sequence >= ${from}::bigint
            and sequence < least(${first * bucketSize}::bigint, ${to}::bigint + 1))
        + (select count(*) from ${table} where sequence >= greatest(${
      end * bucketSize
    }::bigint, ${from}::bigint)
            and sequence <= ${to}::bigint)
      )::float8 as events`)
    return events
  }
)

/** Number of events that a generation has applied. */
export const appliedBy = (projection: Projection, generation: number) =>
  appliedWithin(projection, generation, 0, Number.MAX_SAFE_INTEGER - bucketSize)
