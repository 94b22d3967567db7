import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Consumers } from "../../Consumer/Consumer.ts"
import { allRows } from "../../Database/Rows.ts"
import { exclude } from "../Locks.ts"
import { databaseId, durableColumn } from "../Place/Places.ts"
import { drop } from "../Tables.ts"
import { dropLetters } from "./Letters.ts"

const allGenerations = allRows(Schema.Struct({
  generation: Schema.Finite,
  durable: Schema.String,
  tables: Schema.NullOr(Schema.Array(Schema.String)),
  is_live: Schema.Boolean
}))

/**
 * Removes a projection from the database: its views, the tables, durable consumers and dead letters of all its
 * generations, and its rebuilds. The log does not change. Call it only for a projection that no process runs. False
 * when the database has none of this name. A view that depends on its views makes it fail, and nothing is removed.
 */
export const removeProjection = Effect.fn("Projector.removeProjection")(function*(name: string) {
  const sql = yield* SqlClient
  const consumers = yield* Consumers
  const database = yield* databaseId
  return yield* sql.withTransaction(Effect.gen(function*() {
    yield* exclude(name)
    const generations = yield* allGenerations(sql`
      select generation, tables, true as is_live, ${durableColumn(sql, "projections")} from projections
      where name = ${name}
      union all
      select generation, retired_tables, false, ${durableColumn(sql, "rebuilds")} from rebuilds
      where name = ${name} and dropped_at is null
        and generation <> (select generation from projections where projections.name = rebuilds.name)
      union all
      select retires, retired_tables, false, name || '-' || retires from rebuilds
      where name = ${name} and dropped_at is null and retires <> generation`)
    const owners = new Map((yield* consumers.standings).map(({ name, owner }) => [name, owner]))
    for (const { durable, generation, is_live, tables } of generations) {
      if (is_live) { for (const view of tables ?? []) yield* sql.unsafe(`drop view if exists ${view}`) }
      yield* drop(name, tables ?? [], generation)
      // Another database can use a durable consumer of this name.
      if (owners.has(durable) && ![undefined, database].includes(owners.get(durable))) continue
      yield* consumers.retire(durable, `the read model ${name} was removed`)
      yield* dropLetters(durable)
    }
    yield* sql`delete from rebuilds where name = ${name}`
    const removed = yield* sql`delete from projections where name = ${name} returning 1`
    return removed.length > 0
  }))
})
