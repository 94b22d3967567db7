import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows } from "../../Database/Rows.ts"
import { keyOf } from "../../Domain/Belonging.ts"
import type { Target } from "../../Domain/ErasureTarget.ts"
import { storable } from "../../Domain/ExactJson.ts"
import { fromStored } from "../../Domain/StoredText.ts"

/** Stores hashes of erased keys, so that no reconciliation appends them again. `at` is ISO 8601. */
export const remember = Effect.fn("Forget.remember")(
  function*(target: Target, keys: ReadonlyArray<string>, at: string) {
    const sql = yield* SqlClient
    const all = storable(
      JSON.stringify(target.kind === "event" ? keys : [...keys, keyOf(target.kind, target.id)])
    )
    yield* sql`
      insert into forgotten (hash, at)
      select distinct sha256(convert_to(key, 'UTF8')), ${at}::timestamptz
      from jsonb_array_elements_text(${all}::text::jsonb) as key
      on conflict (hash) do update set at = greatest(forgotten.at, excluded.at)`
    yield* sql`
      delete from reconciled where scan_id in (
        select substr(key, 6) from jsonb_array_elements_text(${all}::text::jsonb) as key
        where key like 'scan:%')`
  }
)

const allIds = allRows(Schema.Struct({ id: Schema.String }))

/**
 * Ids of the given scans that were erased, by themselves or with their code. Times are milliseconds since the epoch,
 * because Postgres cannot parse every date and time that JavaScript can.
 */
export const forgottenOf = Effect.fn("Forget.forgottenOf")(function*(
  scans: ReadonlyArray<
    {
      readonly id: string
      readonly qprCodeId: string | undefined
      readonly scannedAt: number | undefined
    }
  >
) {
  const sql = yield* SqlClient
  const rows = scans.map(({ id, qprCodeId, scannedAt }) => ({
    id,
    scan: keyOf("scan", id),
    code: keyOf("qpr_code", qprCodeId ?? ""),
    scanned_at: scannedAt ?? null
  }))
  const found = yield* allIds(sql`
    select id from jsonb_to_recordset(${storable(JSON.stringify(rows))}::text::jsonb)
      as row (id text, scan text, code text, scanned_at float8)
    where exists (
      select 1 from forgotten where hash = sha256(convert_to(scan, 'UTF8'))
        or (hash = sha256(convert_to(code, 'UTF8')) and coalesce(to_timestamp(scanned_at / 1000) <= at, true)))`)
  return new Set(found.map(({ id }) => fromStored(id)))
})

/** Ids of the given codes that were erased. */
export const forgottenCodes = Effect.fn("Forget.forgottenCodes")(function*(ids: ReadonlyArray<string>) {
  const sql = yield* SqlClient
  const rows = ids.map((id) => ({ id, key: keyOf("qpr_code", id) }))
  const found = yield* allIds(sql`
    select id from jsonb_to_recordset(${
    storable(JSON.stringify(rows))
  }::text::jsonb) as row (id text, key text)
    where exists (select 1 from forgotten where hash = sha256(convert_to(key, 'UTF8')))`)
  return new Set(found.map(({ id }) => fromStored(id)))
})
