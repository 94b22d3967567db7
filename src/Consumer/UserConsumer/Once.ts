import type { Delivered } from "../../EventLog/Delivered.ts"

/** Runs one statement with parameters, in the transaction of the user's changes. Most Postgres clients have it. */
export type Query = (
  sql: string,
  parameters: Array<string>
) => PromiseLike<ReadonlyArray<unknown> | { readonly rows: ReadonlyArray<unknown> }>

/** The table in which `once` records events. Create it before the first call. */
export const onceTable = `create table if not exists consumed_events (
  consumer text not null,
  event_id text not null,
  sequence bigint not null,
  primary key (consumer, event_id)
)`

/**
 * Records the events for this consumer and returns those that were not recorded before. Changes that are made for
 * them in the same transaction are made exactly once. This holds for repeated deliveries and for several instances.
 */
export const once = async <E extends Pick<Delivered, "id" | "sequence">>(
  query: Query,
  consumer: string,
  events: ReadonlyArray<E>
): Promise<ReadonlyArray<E>> => {
  const first = new Map(events.toReversed().map((event) => [event.id, event]))
  const rows = [...first.values()].map(({ id, sequence }) => ({ event_id: id, sequence }))
  const result = await query(insert, [consumer, JSON.stringify(rows)])
  const recorded = "rows" in result ? result.rows : result
  const fresh = new Set(recorded.map(eventIdOf))
  return events.filter((event) => fresh.has(event.id) && first.get(event.id) === event)
}

// Sorted by id, so that two instances never wait for each other.
const insert = `insert into consumed_events (consumer, event_id, sequence)
  select $1::text, event_id, sequence
  from json_to_recordset($2::text::json) as row (event_id text, sequence bigint) order by event_id
  on conflict do nothing returning event_id`

const eventIdOf = (row: unknown) => {
  if (typeof row === "object" && row !== null && "event_id" in row) return String(row.event_id)
  throw new TypeError(
    `The query returned ${JSON.stringify(row)}; it must return rows as objects with event_id.`
  )
}
