import { Effect } from "effect"
import { type Projection, removeFrom } from "../Projection.ts"

/**
 * One row a subscription: its state after the event that occurred last, by `updated_at` (or else the time of
 * receipt) and then by sequence, in whatever order the events come.
 */
export const subscriptions: Projection = {
  name: "subscriptions",
  version: 1,
  types: ["subscription.upgraded", "subscription.cancelled"],
  tables: {
    subscriptions: {
      key: ["id"],
      columns: `
        id text primary key,
        event_id text not null,
        sequence bigint not null,
        received_at timestamptz not null,
        occurred_at timestamptz not null,
        last_event text not null,
        plan text,
        status text,
        data jsonb not null`,
      indexes: ["occurred_at desc, id desc", "status"]
    }
  },
  rows: { table: "subscriptions", entity: "subscription", remove: removeFrom("subscriptions") },
  apply: (sql, table, { rows }) =>
    Effect.asVoid(sql`
      insert into ${table("subscriptions")} as subscription (id, event_id, sequence, received_at, occurred_at,
        last_event, plan, status, data)
      select distinct on (data->>'id') data->>'id', event_id, sequence, received_at, occurred_at, last_event,
        data->>'plan', data->>'status', data
      from (
        select event_id, sequence, received_at, event->>'event' as last_event, event->'data' as data,
          coalesce((event->'data'->>'updated_at')::timestamptz, received_at) as occurred_at
        from ${rows} as row
      ) as events
      order by data->>'id', occurred_at desc, sequence desc
      on conflict (id) do update set event_id = excluded.event_id, sequence = excluded.sequence,
        received_at = excluded.received_at, occurred_at = excluded.occurred_at,
        last_event = excluded.last_event, plan = excluded.plan, status = excluded.status, data = excluded.data
      where (excluded.occurred_at, excluded.sequence) > (subscription.occurred_at, subscription.sequence)`)
}
