import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { firstRow, onlyRow } from "../../Database/Rows.ts"
import { durableName } from "../Projection.ts"
import type { Progress } from "./Place.ts"
import type { Position } from "./Position.ts"

/** Identifies a generation of a projection. */
export interface Generation {
  readonly name: string
  readonly generation: number
}

const Place = Schema.Struct({
  durable: Schema.String,
  checkpoint: Schema.Finite,
  replayed_to: Schema.NullOr(Schema.Finite),
  replays: Schema.Finite
})

/**
 * A generation's place in the log: its durable consumer, and the checkpoint up to which every entry is accounted for.
 */
export type Place = typeof Place.Type

const firstPlace = firstRow(Place)
const firstCheckpoint = firstRow(Schema.Struct({ checkpoint: Schema.Finite }))
const onlyIdentity = onlyRow(Schema.Struct({ id: Schema.String }))

/** The random id that this database got when it was created. A copy of a database has the id of the original. */
export const databaseId = Effect.gen(function*() {
  const sql = yield* SqlClient
  const { id } = yield* onlyIdentity(sql`select id from database_identity`)
  return id
})

/** The place of a generation; the beginning of the log when none is stored yet. */
export const placeOf = Effect.fnUntraced(function*({ generation, name }: Generation) {
  const sql = yield* SqlClient
  const place = yield* firstPlace(
    sql`select durable, checkpoint::float8 as checkpoint, replayed_to::float8 as replayed_to, replays
      from places where name = ${name} and generation = ${generation}`
  )
  return place ?? { durable: durableName(name, generation), checkpoint: 0, replayed_to: null, replays: 0 }
})

/**
 * The sequence after which a durable consumer starts. Waits for a process that starts a replay: it deletes the
 * durable consumer before it commits the new checkpoint.
 */
export const checkpointOf = Effect.fnUntraced(function*({ generation, name }: Generation) {
  const sql = yield* SqlClient
  const place = yield* firstCheckpoint(
    sql`select checkpoint::float8 as checkpoint from places
      where name = ${name} and generation = ${generation} for share`
  )
  return place?.checkpoint ?? 0
})

/** Makes a generation start with the first entry, with a durable consumer of this name. */
export const beginPlace = Effect.fnUntraced(function*({ generation, name }: Generation, durable: string) {
  const sql = yield* SqlClient
  yield* sql`insert into places (name, generation, durable) values (${name}, ${generation}, ${durable})
    on conflict (name, generation) do update set durable = excluded.durable, checkpoint = 0,
      mark_sequence = null, mark_id = null, replayed_to = null, replays = 0`
})

/** Stores a checkpoint, up to which every entry is accounted for, and the event at that sequence. */
export const advance = Effect.fn("Places.advance")(
  function*({ generation, name }: Generation, checkpoint: number, mark: Position | undefined) {
    const sql = yield* SqlClient
    yield* sql`insert into places as place (name, generation, durable, checkpoint, mark_sequence, mark_id)
      values (${name}, ${generation}, ${durableName(name, generation)}, ${checkpoint}::bigint,
        ${mark?.sequence ?? null}::bigint, ${mark?.id ?? null}::text)
      on conflict (name, generation) do update set
        checkpoint = greatest(place.checkpoint, excluded.checkpoint),
        mark_sequence = coalesce(excluded.mark_sequence, place.mark_sequence),
        mark_id = coalesce(excluded.mark_id, place.mark_id),
        replayed_to = null, replays = 0`
  }
)

/**
 * Starts to read the log again after `after`, up to what the durable consumer had finished. `restart` deletes the
 * durable consumer, so that it is created again at that sequence. False when another process has already started a
 * replay.
 */
export const replay = Effect.fn("Places.replay")(
  function*<E, R>(
    { generation, name }: Generation,
    { replayed_to, replays }: Progress,
    range: { readonly after: number; readonly to: number },
    restart: Effect.Effect<void, E, R>
  ) {
    const sql = yield* SqlClient
    return yield* sql.withTransaction(Effect.gen(function*() {
      const mine = yield* sql`update places set checkpoint = ${range.after}::bigint,
          replayed_to = ${range.to}::bigint, replays = replays + 1
        where name = ${name} and generation = ${generation} and replays = ${replays}
          and replayed_to is not distinct from ${replayed_to}::bigint returning 1`
      if (mine.length > 0) yield* restart
      return mine.length > 0
    }))
  }
)

/** Makes the next replay begin at the checkpoint, and count as the first one. */
export const forgetReplays = Effect.fnUntraced(function*({ generation, name }: Generation) {
  const sql = yield* SqlClient
  yield* sql`update places set replays = 0 where name = ${name} and generation = ${generation} and replays > 0`
})

/** Assigns another durable consumer to a generation. It starts at the stored checkpoint. */
export const rename = Effect.fn("Places.rename")(
  function*({ generation, name }: Generation, durable: string) {
    const sql = yield* SqlClient
    yield* sql`insert into places (name, generation, durable) values (${name}, ${generation}, ${durable})
      on conflict (name, generation) do update set durable = excluded.durable`
  }
)

/** Name for a durable consumer of this database when another database uses the plain name. */
export const ownDurable = ({ generation, name }: Generation, database: string) =>
  `${durableName(name, generation)}-${database.slice(0, 8)}`

/** SQL for the durable consumer of a row of the registry. */
export const durableColumn = (sql: SqlClient, table: "projections" | "rebuilds") =>
  sql.literal(`coalesce((select durable from places where places.name = ${table}.name
    and places.generation = ${table}.generation), ${table}.name || '-' || ${table}.generation) as durable`)
