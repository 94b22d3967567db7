import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows } from "../../Database/Rows.ts"
import { excludeGeneration, keep } from "../Locks.ts"
import { type Projection, tableName } from "../Projection.ts"
import { lives } from "../Registry.ts"

/**
 * Creates the indexes that the filters of live read models lack. A definition can declare further filters without a
 * new version, so without a rebuild. Batches of the read model wait until its indexes exist, and reads continue.
 */
export const indexFilters = Effect.fn("Own.indexFilters")(function*(projections: ReadonlyArray<Projection>) {
  const own = projections.filter((projection) => (projection.own?.filters.length ?? 0) > 0)
  if (own.length === 0) return
  const registry = yield* lives
  for (const projection of own) {
    const live = registry.find(({ name }) => name === projection.name)
    // The table of another version can have other columns, and the rebuild that is due creates the indexes.
    if (live === undefined || live.version !== projection.version) continue
    if ((yield* lacking(projection, live.generation)).length > 0) yield* create(projection, live.generation)
  }
})

const create = Effect.fnUntraced(function*(projection: Projection, generation: number) {
  const sql = yield* SqlClient
  const { name } = projection
  yield* sql.withTransaction(Effect.gen(function*() {
    yield* keep(name)
    yield* excludeGeneration(name, generation)
    yield* sql`set local statement_timeout = 0`
    // Read again under the lock, because another process may have created them meanwhile, or dropped the table.
    const columns = yield* lacking(projection, generation)
    for (const column of columns) {
      yield* Effect.logInfo(`read model ${name}: creating the index of the filter ${column}`)
      yield* sql.unsafe(`create index on ${tableName(name, generation)} (${column})`)
    }
  }))
})

/** The filters of a generation without an index that begins with their column. */
const lacking = Effect.fnUntraced(function*({ name, own }: Projection, generation: number) {
  const sql = yield* SqlClient
  const table = tableName(name, generation)
  const rows = yield* allColumns(sql`
    select attname as "column" from pg_attribute
    where attrelid = to_regclass(${table}::text) and attname = any(${own?.filters ?? []}::text[])
      and not exists (
        select 1 from pg_index where indrelid = attrelid and indkey[0] = attnum and indisvalid and indpred is null)
    order by attnum`)
  return rows.map(({ column }) => column)
})

const allColumns = allRows(Schema.Struct({ column: Schema.String }))
