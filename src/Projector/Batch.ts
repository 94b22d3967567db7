import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { Delivered } from "../Consumer/Delivered.ts"
import { type Projection, tableName } from "../Projection.ts"
import { appliedTable } from "./Tables.ts"

/** An event that the projection can apply: its body is JSON that fits its type's schema. */
export interface Decoded {
  readonly event: Delivered
  /** The signed JSON as it stands, so that no number or unknown field is lost on the way to the row. */
  readonly json: string
}

/**
 * Applies events to a read model in one transaction. The ids that this projection has never seen are
 * recorded and applied; all others change nothing, however often they come.
 */
export const applyOnce = Effect.fnUntraced(
  function*(projection: Projection, generation: number, events: ReadonlyArray<Decoded>) {
    const sql = yield* SqlClient
    const candidates = firstOfEach(events)
    yield* sql.withTransaction(Effect.gen(function*() {
      const recorded = yield* sql<{ readonly event_id: string }>`
        insert into ${sql.literal(appliedTable(projection, generation))} (event_id, sequence)
        select event_id, sequence from jsonb_to_recordset(${guardRows(candidates)}::text::jsonb)
          as row (event_id text, sequence bigint)
        order by event_id
        on conflict (event_id) do nothing
        returning event_id`
      const fresh = recorded.flatMap(({ event_id }) => candidates.get(event_id) ?? [])
      if (fresh.length === 0) return
      yield* projection.apply(
        sql,
        (name) => sql.literal(tableName(name, generation)),
        { json: rowsOf(fresh), count: fresh.length }
      )
    }))
  }
)

const firstOfEach = (events: ReadonlyArray<Decoded>) => {
  const first = new Map<string, Decoded>()
  for (const decoded of events) if (!first.has(decoded.event.id)) first.set(decoded.event.id, decoded)
  return first
}

const guardRows = (events: ReadonlyMap<string, Decoded>) =>
  JSON.stringify([...events.values()].map(({ event: { id, sequence } }) => ({ event_id: id, sequence })))

// The body is known to be one JSON value, so it can stand in the array as it is.
const rowsOf = (events: ReadonlyArray<Decoded>) =>
  `[${
    events.map(({ event, json }) =>
      `{"event_id":${JSON.stringify(event.id)},"sequence":${event.sequence},"received_at":${
        JSON.stringify(event.receivedAt)
      },"event":${json}}`
    ).join(",")
  }]`
