import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Consumers } from "../Consumer/Consumer.ts"
import { filterOf } from "../EventLog/Subjects.ts"
import { revisionOf, typesOf } from "./Definition.ts"
import { checkInstalled } from "./Own/Installed.ts"
import { beginPlace, databaseId, ownDurable } from "./Place/Places.ts"
import { durableName, type Projection, tableName } from "./Projection.ts"
import { due } from "./Versions.ts"
import { defineViews } from "./Views.ts"

/**
 * Creates a projection's tables and views when they are missing. Safe when several processes start at once.
 * `durableFor` names the durable consumer of new tables. Returns the live generation.
 */
export const install = Effect.fn("Projector.install")(function*<E, R>(
  projection: Projection,
  durableFor: (projection: Projection, generation: number) => Effect.Effect<string, E, R>
) {
  const sql = yield* SqlClient
  return yield* sql.withTransaction(Effect.gen(function*() {
    yield* sql`select pg_advisory_xact_lock(hashtext('threeqpr-events/projections'))`
    const live = yield* checkInstalled(projection)
    if (live) {
      if (live.version < projection.version) {
        yield* Effect.logWarning(due(projection, live.version))
        // This version no longer writes the tables that these views replace.
        yield* defineViews(projection.views ?? {}).pipe(
          Effect.catchTag("ViewsDoNotFit", ({ message }) => Effect.logWarning(message))
        )
      }
      return live.generation
    }
    yield* sql`insert into projections
        (name, generation, version, claimed_version, revision, types, tables, definition)
      values (${projection.name}, 1, ${projection.version}, ${projection.version}, ${revisionOf(projection)},
        ${typesOf(projection)}::text::jsonb, ${tablesOf(projection)}::text::jsonb,
        ${projection.own?.hash ?? null})`
    yield* create(projection, 1)
    yield* index(projection, 1)
    yield* replaceViews(projection, 1)
    yield* beginPlace({ name: projection.name, generation: 1 }, yield* durableFor(projection, 1))
    return 1
  }))
})

/**
 * Returns the name for the durable consumer of new tables. An existing one of this database is deleted, so that the
 * tables get every event. Any other existing one is kept, and the new one gets a different name.
 */
export const freshDurable = Effect.fn("Projector.freshDurable")(
  function*(projection: Projection, generation: number) {
    const consumers = yield* Consumers
    const of = { name: projection.name, generation }
    const database = yield* databaseId
    const plain = durableName(projection.name, generation)
    const found = yield* consumers.inspect(plain, filterOf(projection))
    const durable = found === undefined || found.owner === database ? plain : ownDurable(of, database)
    yield* consumers.deleteDurable(durable)
    return durable
  }
)

/** Creates the tables of one generation, empty and without their indexes. */
export const create = Effect.fnUntraced(function*(projection: Projection, generation: number) {
  const sql = yield* SqlClient
  yield* sql.unsafe(
    `create table ${
      appliedTable(projection, generation)
    } (event_id text primary key, sequence bigint not null)`
  )
  // Rows are almost in the order of the stream, and queries read a range of sequences: a BRIN index suffices.
  yield* sql.unsafe(
    `create index on ${appliedTable(projection, generation)} using brin (sequence)
      with (pages_per_range = 16, autosummarize = on)`
  )
  for (const [name, { columns }] of Object.entries(projection.tables)) {
    const table = tableName(name, generation)
    yield* sql.unsafe(`create table ${table} (${columns})`)
    yield* indexSequence(table)
  }
})

/** Creates the index with which the change feed finds the rows of a range of sequences, if they name their sequence. */
const indexSequence = Effect.fnUntraced(function*(table: string) {
  const sql = yield* SqlClient
  const found = yield* sql`
    select 1 from pg_attribute where attrelid = ${table}::regclass and attname = 'sequence'`
  if (found.length === 0) return
  yield* sql.unsafe(
    `create index on ${table} using brin (sequence) with (pages_per_range = 16, autosummarize = on)`
  )
})

/** Creates the indexes of one generation, except those of its keys. */
export const index = Effect.fnUntraced(function*(projection: Projection, generation: number) {
  const sql = yield* SqlClient
  for (const [name, { indexes }] of Object.entries(projection.tables)) {
    for (const index of indexes) {
      yield* sql.unsafe(`create index on ${tableName(name, generation)} (${index})`)
    }
  }
})

/**
 * Points the views to a generation, and drops the views of former tables that the projection no longer has. What users
 * have defined for the views and on top of them stays.
 */
export const replaceViews = Effect.fnUntraced(
  function*(projection: Projection, generation: number, former: ReadonlyArray<string> = []) {
    const tables = Object.keys(projection.tables).map((name) =>
      [name, `select * from ${tableName(name, generation)}`] as const
    )
    const views = { ...Object.fromEntries(tables), ...projection.views }
    yield* defineViews(views, former.filter((name) => !Object.hasOwn(views, name)))
  }
)

/** Drops the tables of an unused generation. */
export const drop = Effect.fnUntraced(
  function*(name: string, tables: ReadonlyArray<string>, generation: number) {
    const sql = yield* SqlClient
    for (const table of tables) yield* sql.unsafe(`drop table if exists ${tableName(table, generation)}`)
    yield* sql.unsafe(`drop table if exists ${appliedTable({ name }, generation)}`)
    yield* sql`delete from repeated where name = ${name} and generation = ${generation}`
    yield* sql`delete from applied_counts where name = ${name} and generation = ${generation}`
    yield* sql`delete from places where name = ${name} and generation = ${generation}`
  }
)

/** The names of a projection's tables, as JSON for the registry. */
export const tablesOf = (projection: Projection) => JSON.stringify(Object.keys(projection.tables))

/** The table of the events that a generation has applied. Its key ensures that each event is applied only once. */
export const appliedTable = ({ name }: Pick<Projection, "name">, generation: number) =>
  tableName(`${name}_applied`, generation)
