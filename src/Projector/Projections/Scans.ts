import type { SqlClient } from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import type { Projection } from "../Projection.ts"
import { count, flag, key, object, text, timestamp } from "./Columns.ts"
import { type Counted, counterTable, counting } from "./Counters.ts"

const hour = "date_trunc('hour', scanned_at, 'UTC')"
const day = "date_trunc('day', scanned_at, 'UTC')"

const counted: Counted = {
  rows: "scans",
  columns: `event_id, sequence, received_at, scanned_at, qpr_code_id, short_id, country, region, city, device,
    conversation_started, conversation_messages, metadata, data`,
  counted: "scanned_at, qpr_code_id, country, device, conversation_started, conversation_messages",
  measures: {
    scans: "1",
    conversations: "case when conversation_started then 1 else 0 end",
    messages: "case when conversation_started then coalesce(conversation_messages, 0) else 0 end"
  },
  counters: {
    scan_hours: { qpr_code_id: "qpr_code_id", hour },
    scan_days: { qpr_code_id: "qpr_code_id", day, country: "country", device: "device" },
    scan_code_days: { qpr_code_id: "qpr_code_id", day },
    scan_total_hours: { hour },
    scan_total_days: { day, country: "country", device: "device" }
  }
}

const measures = Object.keys(counted.measures)
const byCode = { qpr_code_id: "text" }
const place = { country: "text", device: "text" }
const byHour = { hour: "timestamptz not null" }
const byDay = { day: "timestamptz not null" }

const columns = [
  ...["qpr_code_id", "short_id", "country", "device"].map(key),
  ...["region", "city"].map(text),
  flag("conversation_started"),
  count("conversation_messages"),
  object("metadata")
].join(", ")

// Of several events about one scan, the last one wins.
const inputOf = (sql: SqlClient, rows: Fragment) =>
  sql`
    select distinct on (data->>'id')
      data->>'id' as id, event_id, sequence, received_at,
      coalesce(${sql.literal(timestamp("data->>'scanned_at'"))}, received_at) as scanned_at,
      ${sql.literal(columns)}, data
    from (
      select event_id, sequence, received_at, event->'data' as data
      from ${rows} as row
    ) as events
    order by data->>'id', sequence desc`

const { apply, bulk, remove } = counting(counted, inputOf)

/**
 * One row per scan, and counters of scans, of started conversations and of their messages. Each table of counters
 * serves one query, so that no query adds up more than a few thousand counters.
 */
export const scans: Projection = {
  name: "scans",
  version: 3,
  types: ["scan.created"],
  tables: {
    scans: {
      key: ["id"],
      columns: `
        id text primary key,
        event_id text not null,
        sequence bigint not null,
        received_at timestamptz not null,
        scanned_at timestamptz not null,
        qpr_code_id text,
        short_id text,
        country text,
        region text,
        city text,
        device text,
        conversation_started boolean,
        conversation_messages bigint,
        metadata jsonb,
        data jsonb not null`,
      indexes: ["scanned_at desc, id desc", "qpr_code_id, scanned_at desc, id desc"]
    },
    scan_hours: counterTable({ ...byCode, ...byHour }, measures),
    scan_days: counterTable({ ...byCode, ...byDay, ...place }, measures),
    scan_code_days: counterTable({ ...byCode, ...byDay }, measures, ["day"]),
    scan_total_hours: counterTable(byHour, measures),
    scan_total_days: counterTable({ ...byDay, ...place }, measures)
  },
  // In version 2 this was a table. It was written for each scan, but only SQL queries read it.
  views: {
    scan_counts: `select qpr_code_id, ${hour} as hour, country, device, ${
      Object.entries(counted.measures).map(([name, measure]) => `sum(${measure})::bigint as ${name}`).join(
        ", "
      )
    } from scans group by 1, 2, 3, 4`
  },
  rows: {
    table: "scans",
    entity: "scan",
    belongsTo: { qpr_code: "qpr_code_id" },
    happenedAt: "scanned_at",
    remove
  },
  apply,
  bulk
}
