import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { excludeGeneration, lead } from "../Locks.ts"
import { type Projection, tableName } from "../Projection.ts"
import type { Rebuild } from "../Registry.ts"
import { index } from "../Tables.ts"

/**
 * Creates the indexes and counters of a generation that has caught up. One transaction does this and blocks the
 * generation's batches. From then on each batch also updates the counters. Any process may try at any time; one of
 * them does it.
 */
export const buildIndexes = Effect.fn("Projector.complete")(
  function*(projection: Projection, { generation, id }: Rebuild) {
    const sql = yield* SqlClient
    const { bulk, name } = projection
    yield* sql.withTransaction(Effect.gen(function*() {
      if (!(yield* lead(name))) return
      yield* excludeGeneration(name, generation)
      yield* sql`set local statement_timeout = 0`
      yield* sql`set local work_mem = '64MB'`
      const due = yield* sql`
        select 1 from rebuilds where id = ${id} and state in ('running', 'comparing') and not completed`
      if (due.length === 0) return
      yield* index(projection, generation)
      if (bulk) yield* bulk.complete(sql, (table) => sql.literal(tableName(table, generation)))
      yield* sql`update rebuilds set completed = true where id = ${id}`
    }))
  }
)
