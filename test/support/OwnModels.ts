import type { ByRow, BySql } from "../../src/Projector/Own/Definition.ts"

/** Counts the scans of each country, and keeps the time of the last one. */
export const countries: ByRow = {
  name: "countries",
  version: 1,
  types: ["scan.created"],
  key: ["country"],
  columns: { country: "text", scans: "bigint", last_scan: "timestamptz" },
  filters: ["country", "last_scan"],
  row: { country: "coalesce(data->>'country', '?')", last_scan: "data->>'scanned_at'" },
  add: { scans: "1" }
}

/** One row for each scan, in SQL of its own. It expires, and an erasure removes single rows. */
export const visits: BySql = {
  name: "visits",
  version: 1,
  types: ["scan.created"],
  key: ["scan_id"],
  columns: { scan_id: "text", code: "text", city: "text", at: "timestamptz" },
  filters: ["city"],
  rows: { entity: "scan", id: "scan_id", belongsTo: { qpr_code: "code" }, happenedAt: "at" },
  apply: ({ events, table }) => `
    insert into ${table} as visit (scan_id, code, city, at, event_id, sequence)
    select distinct on (1) data->>'id', data->>'qpr_code_id', data->>'city', (data->>'scanned_at')::timestamptz,
      event_id, sequence
    from ${events}
    order by 1, sequence desc
    on conflict (scan_id) do update set code = excluded.code, city = excluded.city, at = excluded.at,
      event_id = excluded.event_id, sequence = excluded.sequence
    where excluded.sequence > visit.sequence`
}
