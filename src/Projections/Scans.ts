import type { SqlClient } from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import type { Projection } from "../Projection.ts"
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
    scan_counts: { qpr_code_id: "qpr_code_id", hour, country: "country", device: "device" },
    scan_hours: { qpr_code_id: "qpr_code_id", hour },
    scan_days: { qpr_code_id: "qpr_code_id", day, country: "country", device: "device" },
    scan_code_days: { qpr_code_id: "qpr_code_id", day },
    scan_total_hours: { hour },
    scan_total_days: { day, country: "country", device: "device" }
  }
}

const measures = Object.keys(counted.measures)
const code = { qpr_code_id: "text" }
const place = { country: "text", device: "text" }
const byHour = { hour: "timestamptz not null" }
const byDay = { day: "timestamptz not null" }

// Of several events about one scan the last in the stream speaks.
const inputOf = (sql: SqlClient, rows: Fragment) =>
  sql`
    select distinct on (data->>'id')
      data->>'id' as id, event_id, sequence, received_at,
      coalesce((data->>'scanned_at')::timestamptz, received_at) as scanned_at,
      data->>'qpr_code_id' as qpr_code_id, data->>'short_id' as short_id, data->>'country' as country,
      data->>'region' as region, data->>'city' as city, data->>'device' as device,
      (data->>'conversation_started')::boolean as conversation_started,
      (data->>'conversation_messages')::bigint as conversation_messages,
      nullif(data->'metadata', 'null') as metadata, data
    from (
      select event_id, sequence, received_at, event->'data' as data
      from ${rows} as row
    ) as events
    order by data->>'id', sequence desc`

const { apply, bulk, remove } = counting(counted, inputOf)

/**
 * One row a scan, and its counters: scans, conversations that were started and their messages. `scan_counts` is
 * by code, hour, country and device; the others are by less, each for a question that is asked, so that no
 * answer has to add up more than a few thousand of them.
 */
export const scans: Projection = {
  name: "scans",
  version: 2,
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
    scan_counts: counterTable({ ...code, ...byHour, ...place }, measures),
    scan_hours: counterTable({ ...code, ...byHour }, measures),
    scan_days: counterTable({ ...code, ...byDay, ...place }, measures),
    scan_code_days: counterTable({ ...code, ...byDay }, measures, ["day"]),
    scan_total_hours: counterTable(byHour, measures),
    scan_total_days: counterTable({ ...byDay, ...place }, measures)
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
