import { Effect } from "effect"
import type { Projection } from "../Projection.ts"

/** One row a completed conversation. */
export const conversations: Projection = {
  name: "conversations",
  version: 1,
  types: ["conversation.completed"],
  tables: {
    conversations: {
      key: ["id"],
      columns: `
        id text primary key,
        event_id text not null,
        sequence bigint not null,
        received_at timestamptz not null,
        completed_at timestamptz not null,
        started_at timestamptz,
        qpr_code_id text,
        scan_id text,
        message_count bigint,
        metadata jsonb,
        data jsonb not null`,
      indexes: ["completed_at desc, id desc", "qpr_code_id, completed_at desc, id desc", "scan_id"]
    }
  },
  apply: (sql, table, fresh) =>
    Effect.asVoid(sql`
      insert into ${table("conversations")} as conversation (id, event_id, sequence, received_at,
        completed_at, started_at, qpr_code_id, scan_id, message_count, metadata, data)
      select distinct on (id) id, event_id, sequence, received_at,
        coalesce((data->>'completed_at')::timestamptz, received_at), (data->>'started_at')::timestamptz,
        data->>'qpr_code_id', data->>'scan_id', (data->>'message_count')::bigint,
        nullif(data->'metadata', 'null'), data
      from (
        select coalesce(event->'data'->>'id', event->'data'->>'conversation_id') as id,
          event_id, sequence, received_at, event->'data' as data
        from jsonb_to_recordset(${fresh.json}::text::jsonb)
          as row (event_id text, sequence bigint, received_at timestamptz, event jsonb)
      ) as events
      order by id, sequence desc
      on conflict (id) do update set event_id = excluded.event_id, sequence = excluded.sequence,
        received_at = excluded.received_at, completed_at = excluded.completed_at,
        started_at = excluded.started_at, qpr_code_id = excluded.qpr_code_id, scan_id = excluded.scan_id,
        message_count = excluded.message_count, metadata = excluded.metadata, data = excluded.data
      where excluded.sequence > conversation.sequence`)
}
