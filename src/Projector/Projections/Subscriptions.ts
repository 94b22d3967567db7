import { Effect } from "effect"
import { type Projection, removeFrom } from "../Projection.ts"
import { key, text, timestamp } from "./Columns.ts"

const columns = [text("plan"), key("status")].join(", ")

/**
 * One row per subscription. The last event about it in the log wins. The times in events do not decide, because they
 * come from the clocks of several machines.
 */
export const subscriptions: Projection = {
  name: "subscriptions",
  version: 2,
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
        ${sql.literal(columns)}, data
      from (
        select event_id, sequence, received_at, event->>'event' as last_event, event->'data' as data,
          coalesce(${sql.literal(timestamp("event->'data'->>'updated_at'"))}, received_at) as occurred_at
        from ${rows} as row
      ) as events
      order by data->>'id', sequence desc
      on conflict (id) do update set event_id = excluded.event_id, sequence = excluded.sequence,
        received_at = excluded.received_at, occurred_at = excluded.occurred_at,
        last_event = excluded.last_event, plan = excluded.plan, status = excluded.status, data = excluded.data
      where excluded.sequence > subscription.sequence`)
}
