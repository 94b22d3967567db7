import { Effect } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import type { Projection } from "../Projection.ts"

/**
 * One row a scan, and `scan_counts`: scans by code, hour, country and device. The counts always equal a
 * recount of the rows, in whatever order events come: a new row adds one, a row that a later event
 * changes moves from its old count to its new one. There is no row for a count of none.
 */
export const scans: Projection = {
  name: "scans",
  version: 1,
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
    scan_counts: {
      key: ["qpr_code_id", "hour", "country", "device"],
      columns: `
        qpr_code_id text,
        hour timestamptz not null,
        country text,
        device text,
        scans bigint not null,
        unique nulls not distinct (qpr_code_id, hour, country, device)`,
      indexes: []
    }
  },
  apply: Effect.fnUntraced(function*(sql, table, fresh) {
    const input = inputOf(sql, fresh.json)
    const scans = table("scans")
    const counts = table("scan_counts")
    const [{ inserted } = { inserted: 0 }] = yield* sql<{ readonly inserted: number }>`
      with input as (${input}),
      inserted as (
        insert into ${scans} as scan (id, ${sql.literal(columns)})
        select id, ${sql.literal(columns)} from input order by id
        on conflict (id) do nothing
        returning ${dimensions(sql, "scan")}
      ),
      counted as (
        insert into ${counts} as counts (qpr_code_id, hour, country, device, scans)
        select qpr_code_id, hour, country, device, count(*) from inserted
        group by 1, 2, 3, 4 order by 1, 2, 3, 4
        on conflict (qpr_code_id, hour, country, device) do update set scans = counts.scans + excluded.scans
      )
      select count(*)::int as inserted from inserted`
    if (inserted === fresh.count) return
    // Some of these scans were there already: the later event wins, and its row changes its count.
    const moved = yield* sql<{ readonly empty: boolean }>`
      with input as (${input}),
      before as materialized (
        select id, sequence, ${dimensions(sql, "scan")} from ${scans} as scan
        where id in (select id from input) order by id for update
      ),
      changed as (
        update ${scans} as scan
        set (${sql.literal(columns)}) = (select ${sql.literal(columns)} from input where input.id = scan.id)
        from input join before using (id)
        where scan.id = before.id and input.sequence > before.sequence
        returning before.qpr_code_id as old_code, before.hour as old_hour, before.country as old_country,
          before.device as old_device, ${dimensions(sql, "scan")}
      )
      insert into ${counts} as counts (qpr_code_id, hour, country, device, scans)
      select qpr_code_id, hour, country, device, sum(change) from (
        select old_code as qpr_code_id, old_hour as hour, old_country as country, old_device as device,
          -1 as change from changed
        union all
        select qpr_code_id, hour, country, device, 1 from changed
      ) as changes
      group by 1, 2, 3, 4 having sum(change) <> 0 order by 1, 2, 3, 4
      on conflict (qpr_code_id, hour, country, device) do update set scans = counts.scans + excluded.scans
      returning counts.scans = 0 as empty`
    // Whether a count was ever there must not depend on how the events were batched.
    if (moved.some(({ empty }) => empty)) yield* sql`delete from ${counts} where scans = 0`
  })
}

const columns = `event_id, sequence, received_at, scanned_at, qpr_code_id, short_id, country, region, city,
  device, conversation_started, conversation_messages, metadata, data`

const dimensions = (sql: SqlClient, row: string): Fragment =>
  sql.literal(
    `${row}.qpr_code_id, date_trunc('hour', ${row}.scanned_at, 'UTC') as hour, ${row}.country, ${row}.device`
  )

// Of several events about one scan the last in the stream speaks.
const inputOf = (sql: SqlClient, json: string) =>
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
      from jsonb_to_recordset(${json}::text::jsonb)
        as row (event_id text, sequence bigint, received_at timestamptz, event jsonb)
    ) as events
    order by data->>'id', sequence desc`
