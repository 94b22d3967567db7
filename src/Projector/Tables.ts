import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { durableName, type Projection, tableName } from "../Projection.ts"

/**
 * Creates a projection's tables and views when they are missing, and tells which generation is live.
 * Safe when several processes start at once. New tables hold nothing, so a durable consumer that is
 * further on, from a database that is no more, has to be forgotten.
 */
export const install = Effect.fn("Projector.install")(function*<E, R>(
  projection: Projection,
  forget: (durable: string) => Effect.Effect<void, E, R>
) {
  const sql = yield* SqlClient
  return yield* sql.withTransaction(Effect.gen(function*() {
    yield* sql`select pg_advisory_xact_lock(hashtext('threeqpr-events/projections'))`
    const [live] = yield* sql<{ readonly generation: number }>`
      select generation from projections where name = ${projection.name}`
    if (live) return live.generation
    yield* sql`insert into projections (name, generation, version)
      values (${projection.name}, 1, ${projection.version})`
    yield* create(projection, 1)
    yield* forget(durableName(projection.name, 1))
    return 1
  }))
})

const create = Effect.fnUntraced(function*(projection: Projection, generation: number) {
  const sql = yield* SqlClient
  yield* sql.unsafe(
    `create table ${
      appliedTable(projection, generation)
    } (event_id text primary key, sequence bigint not null)`
  )
  for (const [name, { columns, indexes }] of Object.entries(projection.tables)) {
    const table = tableName(name, generation)
    yield* sql.unsafe(`create table ${table} (${columns})`)
    for (const index of indexes) yield* sql.unsafe(`create index on ${table} (${index})`)
    yield* sql.unsafe(`create or replace view ${name} as select * from ${table}`)
  }
})

/** The events that a generation of a projection has applied: the guard of exactly once. */
export const appliedTable = ({ name }: Pick<Projection, "name">, generation: number) =>
  tableName(`${name}_applied`, generation)
