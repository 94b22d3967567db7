import type { SqlClient } from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import type { Projection } from "../Projection.ts"
import { count, key, object, time, timestamp } from "./Columns.ts"
import { type Counted, counterTable, counting } from "./Counters.ts"

const hour = "date_trunc('hour', completed_at, 'UTC')"

const counted: Counted = {
  rows: "conversations",
  columns: `event_id, sequence, received_at, completed_at, started_at, qpr_code_id, scan_id, message_count,
    metadata, data`,
  counted: "completed_at, qpr_code_id, message_count",
  measures: { conversations: "1", messages: "coalesce(message_count, 0)" },
  counters: {
    conversation_hours: { qpr_code_id: "qpr_code_id", hour },
    conversation_total_hours: { hour }
  }
}

const measures = Object.keys(counted.measures)
const byHour = { hour: "timestamptz not null" }

const columns = [
  time("started_at"),
  ...["qpr_code_id", "scan_id"].map(key),
  count("message_count"),
  object("metadata")
].join(", ")

// Of several events about one conversation, the last one wins.
const inputOf = (sql: SqlClient, rows: Fragment) =>
  sql`
    select distinct on (id) id, event_id, sequence, received_at,
      coalesce(${sql.literal(timestamp("data->>'completed_at'"))}, received_at) as completed_at,
      ${sql.literal(columns)}, data
    from (
      select coalesce(event->'data'->>'id', event->'data'->>'conversation_id') as id,
        event_id, sequence, received_at, event->'data' as data
      from ${rows} as row
    ) as events
    order by id, sequence desc`

const { apply, bulk, remove } = counting(counted, inputOf)

/**
 * One row per completed conversation, and hourly counters of conversations and their messages, per code and in total.
 */
export const conversations: Projection = {
  name: "conversations",
  version: 2,
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
    },
    conversation_hours: counterTable({ qpr_code_id: "text", ...byHour }, measures),
    conversation_total_hours: counterTable(byHour, measures)
  },
  rows: {
    table: "conversations",
    entity: "conversation",
    belongsTo: { qpr_code: "qpr_code_id", scan: "scan_id" },
    happenedAt: "completed_at",
    remove
  },
  apply,
  bulk
}
