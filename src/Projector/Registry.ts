import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows, firstRow } from "../Database/Rows.ts"
import { RebuildKind, RebuildState } from "../Domain/Rebuild.ts"
import { durableColumn } from "./Place/Places.ts"

const Text = Schema.NullOr(Schema.String)

/** The event types that a generation applies; null when a version that did not store them began it. */
const Types = Schema.NullOr(Schema.Array(Schema.String))

/** A projection in the registry, with its live generation. */
export const Live = Schema.Struct({
  name: Schema.String,
  generation: Schema.Finite,
  version: Schema.Finite,
  /** The definition that it follows, and the version of the projection in the program that claimed it. */
  claimed_version: Schema.Finite,
  revision: Schema.Finite,
  types: Types,
  /** The last reason why it did not advance, and the time of it. */
  error: Text,
  error_at: Text,
  /** Creation time of the log that its rows were built from; null until a projector has compared the two. */
  log: Text,
  /** The name of its durable consumer. */
  durable: Schema.String,
  /** The names of its tables; null when an older version of the program installed it. */
  tables: Schema.NullOr(Schema.Array(Schema.String))
})
export type Live = typeof Live.Type

/** A rebuild: a generation that is or was built from the log while another one is live. */
export const Rebuild = Schema.Struct({
  id: Schema.Finite,
  name: Schema.String,
  generation: Schema.Finite,
  /** The version of the projection that builds it; null until a projector has started. */
  version: Schema.NullOr(Schema.Finite),
  /** The definition that it follows. */
  claimed_version: Schema.Finite,
  revision: Schema.Finite,
  types: Types,
  kind: RebuildKind,
  state: RebuildState,
  requested_by: Schema.String,
  requested_at: Schema.String,
  started_at: Text,
  finished_at: Text,
  error: Text,
  result: Schema.Unknown,
  /** As in `Live`. */
  log: Text,
  durable: Schema.String,
  /** Whether it has all its indexes and counters. They are created after it has caught up. */
  completed: Schema.Boolean,
  /** Whether it may replace rows that were built from another log. */
  accepts_new_log: Schema.Boolean
})
export type Rebuild = typeof Rebuild.Type

/** Every projection that was ever installed in this database, with its live generation. */
export const lives = Effect.gen(function*() {
  const sql = yield* SqlClient
  return yield* allLives(sql`select ${liveColumns(sql)} from projections order by name`)
})

/** The live generation of a projection. No other transaction changes it until this one ends. */
export const lockedLive = Effect.fnUntraced(function*(name: string) {
  const sql = yield* SqlClient
  return yield* firstLive(sql`select ${liveColumns(sql)} from projections where name = ${name} for update`)
})

/** The rebuilds that are in progress. */
export const active = Effect.gen(function*() {
  const sql = yield* SqlClient
  return yield* allRebuilds(
    sql`select ${columns(sql)} from rebuilds where state in ('running', 'comparing') order by id`
  )
})

/** One rebuild of a projection. */
export const find = Effect.fn("Registry.find")(function*(name: string, id: number) {
  const sql = yield* SqlClient
  return yield* firstRebuild(sql`select ${columns(sql)} from rebuilds where name = ${name} and id = ${id}`)
})

/**
 * Whether a generation is live, whether it is completed, and the event types that it applies. A live one always is
 * completed. Undefined when it is neither live nor being built. Each batch reads it in its transaction.
 */
export const roleOf = Effect.fnUntraced(function*(name: string, generation: number) {
  const sql = yield* SqlClient
  return yield* firstRole(sql`
    select true as live, true as completed, types from projections where name = ${name} and generation = ${generation}
    union all
    select false, completed, types from rebuilds where name = ${name} and generation = ${generation}
      and state in ('running', 'comparing')`)
})

/** Whether a generation is completed. Undefined when it is neither live nor being built. */
export const isCompleted = (name: string, generation: number) =>
  Effect.map(roleOf(name, generation), (role) => role?.completed)

/** Whether a generation is live or being built. */
export const isWanted = (name: string, generation: number) =>
  Effect.map(roleOf(name, generation), (found) => found !== undefined)

/** Makes a projector rebuild a projection as soon as no other rebuild of it is running. */
export const wantRebuild = Effect.fn("Registry.wantRebuild")(function*(name: string, reason: string) {
  const sql = yield* SqlClient
  yield* sql`update projections set rebuild_wanted = ${reason} where name = ${name}`
})

/** Ends a rebuild that is in progress; false when it had ended before. */
export const end = Effect.fn("Registry.end")(
  function*(id: number, state: RebuildState, { error = null, result = null }: Ending = {}) {
    const sql = yield* SqlClient
    const ended = yield* sql`
      update rebuilds set state = ${state}, finished_at = clock_timestamp(), error = ${error}::text,
        result = ${result === null ? null : JSON.stringify(result)}::text::jsonb
      where id = ${id} and state in ('running', 'comparing') returning id`
    return ended.length > 0
  }
)

/** Stores the reason why a generation does not advance, so that other processes can report it. */
export const noteError = Effect.fn("Registry.noteError")(
  function*(of: Pick<Live, "name" | "generation">, error: string) {
    const sql = yield* SqlClient
    const { generation, name } = of
    yield* sql`update projections set error = ${error}, error_at = clock_timestamp()
      where name = ${name} and generation = ${generation}`
    yield* sql`update rebuilds set error = ${error}
      where name = ${name} and generation = ${generation} and state in ('running', 'comparing')`
  }
)

interface Ending {
  readonly error?: string | null
  readonly result?: unknown
}

const time = (sql: SqlClient, column: string) =>
  sql.literal(`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as ${column}`)

const liveColumns = (sql: SqlClient) =>
  sql`name, generation, version, claimed_version, revision, types, error, ${
    time(sql, "error_at")
  }, log, tables,
    ${durableColumn(sql, "projections")}`

const columns = (sql: SqlClient) =>
  sql`id::float8 as id, name, generation, version, coalesce(version, 0) as claimed_version, revision, types, kind, state, requested_by, ${
    time(sql, "requested_at")
  },
    ${time(sql, "started_at")}, ${time(sql, "finished_at")}, error, result, log, completed, accepts_new_log,
    ${durableColumn(sql, "rebuilds")}`

const allLives = allRows(Live)
const allRebuilds = allRows(Rebuild)
const firstRebuild = firstRow(Rebuild)
const firstLive = firstRow(Live)
const firstRole = firstRow(Schema.Struct({ live: Schema.Boolean, completed: Schema.Boolean, types: Types }))
