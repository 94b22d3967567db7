import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { migrations } from "./Migrations.ts"
import { allRows } from "./Rows.ts"

const allIds = allRows(Schema.Struct({ migration_id: Schema.Finite }))

/** The names of the migrations that have not run yet. Changes nothing. */
export const pending = Effect.gen(function*() {
  const sql = yield* SqlClient
  const names = Object.keys(migrations)
  const tables =
    yield* sql`select 1 from pg_tables where tablename = ${table} and schemaname = current_schema()`
  if (tables.length === 0) return names
  const done = yield* allIds(sql`select migration_id from ${sql(table)}`)
  const ids = new Set(done.map(({ migration_id }) => migration_id))
  return names.filter((name) => !ids.has(Number.parseInt(name, 10)))
})

// The table in which Effect's Migrator records the migrations that have run.
const table = "effect_sql_migrations"
