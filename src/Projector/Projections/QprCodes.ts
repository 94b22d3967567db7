import { Effect } from "effect"
import { listedCode } from "../../Domain/QprCode.ts"
import { type Projection, removeFrom } from "../Projection.ts"
import { key, object, text, time, timestamp } from "./Columns.ts"

const columns = [
  time("updated_at"),
  text("name"),
  key("short_id"),
  ...["scan_url", "status"].map(text),
  object("metadata")
].join(", ")

/** One row per code. The last event about the code, or the last state in 3QPR's list, wins. */
export const qprCodes: Projection = {
  name: "qpr_codes",
  version: 1,
  types: ["qpr_code.created", listedCode],
  tables: {
    qpr_codes: {
      key: ["id"],
      columns: `
        id text primary key,
        event_id text not null,
        sequence bigint not null,
        received_at timestamptz not null,
        created_at timestamptz not null,
        updated_at timestamptz,
        name text,
        short_id text,
        scan_url text,
        status text,
        metadata jsonb,
        data jsonb not null`,
      indexes: ["created_at desc, id desc", "short_id"]
    }
  },
  rows: { table: "qpr_codes", entity: "qpr_code", remove: removeFrom("qpr_codes") },
  apply: (sql, table, { rows }) =>
    Effect.asVoid(sql`
      insert into ${table("qpr_codes")} as code (id, event_id, sequence, received_at, created_at, updated_at,
        name, short_id, scan_url, status, metadata, data)
      select distinct on (data->>'id') data->>'id', event_id, sequence, received_at,
        coalesce(${sql.literal(timestamp("data->>'created_at'"))}, received_at), ${sql.literal(columns)}, data
      from (
        select event_id, sequence, received_at, event->'data' as data
        from ${rows} as row
      ) as events
      order by data->>'id', sequence desc
      on conflict (id) do update set event_id = excluded.event_id, sequence = excluded.sequence,
        received_at = excluded.received_at, created_at = excluded.created_at,
        updated_at = excluded.updated_at, name = excluded.name, short_id = excluded.short_id,
        scan_url = excluded.scan_url, status = excluded.status, metadata = excluded.metadata,
        data = excluded.data
      where excluded.sequence > code.sequence`)
}
