import { Effect, Exit, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Consumers } from "../../Consumer/Consumer.ts"
import { allRows, firstRow } from "../../Database/Rows.ts"
import { exclude } from "../Locks.ts"
import { databaseId } from "../Place/Places.ts"
import { drop } from "../Tables.ts"
import { dropLetters } from "./Letters.ts"

/**
 * Removes the generations that rebuilds have replaced or abandoned: their durable consumers, dead letters and tables.
 * Waits two seconds after the rebuild, so that every process can stop its consumer. A process that has not stopped it
 * finds this out in its next batch. A generation that cannot be dropped, because a view depends on its tables, does
 * not block the others.
 */
export const dropGenerations = Effect.gen(function*() {
  const sql = yield* SqlClient
  const left = yield* allIds(sql`
    select id::float8 as id from rebuilds
    where dropped_at is null and finished_at < clock_timestamp() - interval '2 seconds' order by id`)
  const exits = yield* Effect.forEach(left, ({ id }) => Effect.exit(retire(id)))
  const failed = exits.find(Exit.isFailure)
  if (failed !== undefined) yield* failed
}).pipe(Effect.withSpan("Projector.retireAll"))

const retire = Effect.fnUntraced(function*(id: number) {
  const sql = yield* SqlClient
  const consumers = yield* Consumers
  yield* sql.withTransaction(Effect.gen(function*() {
    const left = yield* firstLeft(sql`
      select id::float8 as id, name, retires, retired_tables as tables,
        coalesce((select durable from places where places.name = rebuilds.name and generation = retires),
          name || '-' || retires) as durable
      from rebuilds
      where id = ${id} and dropped_at is null for update skip locked`)
    if (left === undefined) return
    yield* exclude(left.name)
    const { durable } = left
    const database = yield* databaseId
    const owner = (yield* consumers.standings).find(({ name }) => name === durable)?.owner
    if (owner === undefined || owner === database) {
      yield* consumers.retire(durable, replaced(left.name, left.retires))
      yield* dropLetters(durable)
    }
    yield* drop(left.name, left.tables ?? [], left.retires)
    yield* sql`update rebuilds set dropped_at = clock_timestamp() where id = ${left.id}`
    yield* Effect.logInfo(`projection ${left.name}: generation ${left.retires} was dropped`)
  }))
})

/** Message that states why redrives of a generation end. */
export const replaced = (name: string, generation: number) =>
  `generation ${generation} of ${name} is neither live nor being built`

const allIds = allRows(Schema.Struct({ id: Schema.Finite }))
const firstLeft = firstRow(Schema.Struct({
  id: Schema.Finite,
  name: Schema.String,
  retires: Schema.Finite,
  durable: Schema.String,
  /** Null when no projector had started the rebuild. */
  tables: Schema.NullOr(Schema.Array(Schema.String))
}))
