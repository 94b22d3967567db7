import { Effect, Predicate, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows } from "../../Database/Rows.ts"
import { decodeDelivery } from "../../Domain/Decode.ts"
import { fromStored, toStored } from "../../Domain/StoredText.ts"
import { idOf } from "../../EventLog/Delivered.ts"
import type { LoggedEntry } from "../../EventLog/EventLog.ts"
import { Projections } from "../../Projector/Projections.ts"

/** The rows of the entities that an event's entries name, found by the entity's id. */
export const rowsOf = Effect.fnUntraced(function*(entries: ReadonlyArray<LoggedEntry>) {
  const sql = yield* SqlClient
  const readings = entries.map((entry) => ({ eventId: idOf(entry), reading: decodeDelivery(entry.body) }))
  const found = yield* Effect.forEach(yield* Projections, ({ name: projection, own, tables, types }) => {
    const of = readings.filter(({ reading }) => reading._tag === "Event" && types.includes(reading.type))
    const keys = [
      ...new Set(of.flatMap(({ reading }) => keysOf(reading._tag === "Event" ? reading.data : {})))
    ]
    if (keys.length === 0) return Effect.succeed([])
    // The key of an own read model can be of any type, and need not be the id of an entity.
    const entities = own !== undefined
      ? []
      : Object.entries(tables).filter(([, { key }]) => key.length === 1 && key[0] === "id")
    return Effect.map(
      Effect.forEach(entities, ([table]) =>
        Effect.map(
          allFound(sql`
            select id as key, event_id, sequence::float8 as sequence from ${sql.literal(table)}
            where ${sql.in("id", keys.map(toStored))} order by id`),
          (rows) =>
            rows.map((row) => ({
              projection,
              table,
              ...row,
              key: fromStored(row.key),
              current: of.some(({ eventId }) => eventId === row.event_id)
            }))
        )),
      (rows) => rows.flat()
    )
  })
  return found.flat()
})

const allFound = allRows(
  Schema.Struct({ key: Schema.String, event_id: Schema.String, sequence: Schema.Finite })
)

/** The ids of the entity. A conversation can have its id in `conversation_id`. */
const keysOf = (data: unknown) =>
  !Predicate.isObject(data)
    ? []
    : [Reflect.get(data, "id") ?? Reflect.get(data, "conversation_id")].filter((key): key is string =>
      typeof key === "string"
    )
