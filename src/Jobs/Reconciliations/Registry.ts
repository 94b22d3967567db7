import { Effect, Schema, Struct } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { firstRow, onlyRow } from "../../Database/Rows.ts"
import { parseStored, storable } from "../../Domain/ExactJson.ts"
import { type exampleFields, Reconciliation } from "../../Domain/Reconciliation.ts"
import { toStored } from "../../Domain/StoredText.ts"
import * as Examples from "./Examples.ts"

/** A request for a reconciliation: which scans to compare, and whether to append the missing ones. */
export interface Asked {
  readonly since: string
  readonly until: string
  readonly qpr_code_id?: string | undefined
  readonly dry_run: boolean
  readonly by: string
}

/** The counts of one pass over 3QPR's scans so far. */
export type Counts = Pick<
  Reconciliation,
  "seen" | "missing" | "appended" | "dead_lettered" | "unusable" | keyof typeof exampleFields
>

const firstId = firstRow(Schema.Struct({ id: Schema.Finite }))
const onlyCount = onlyRow(Schema.Struct({ scans: Schema.Finite }))

/** Requests a reconciliation and returns its id. Returns undefined while another one is running. */
export const request = Effect.fn("Reconciliations.request")(function*(asked: Asked) {
  const sql = yield* SqlClient
  const code = asked.qpr_code_id === undefined ? null : toStored(asked.qpr_code_id)
  const made = yield* firstId(sql`
    insert into reconciliations (since, until, qpr_code_id, dry_run, scheduled, requested_by)
    values (${asked.since}::timestamptz, ${asked.until}::timestamptz, ${code},
      ${asked.dry_run}, false, ${asked.by})
    on conflict do nothing returning id::float8 as id`)
  return made?.id
})

/**
 * Requests the next scheduled reconciliation if it is due. It covers the time from one hour before the end of the
 * last completed scheduled one to `until`. If none has completed, it starts one day before `until`. All times are in
 * milliseconds.
 */
export const requestDue = Effect.fn("Reconciliations.requestDue")(function*(every: number, until: number) {
  const sql = yield* SqlClient
  const end = new Date(until).toISOString()
  yield* sql`
    insert into reconciliations (since, until, dry_run, scheduled, requested_by)
    select coalesce(max(until) filter (where state = 'done') - interval '1 hour',
      ${end}::timestamptz - interval '1 day'), ${end}::timestamptz, false, true, 'the schedule'
    from reconciliations where scheduled
    having coalesce(max(requested_at) < clock_timestamp() - ${every} * interval '1 millisecond', true)
    on conflict do nothing`
})

/** The last reconciliations, newest first. */
export const last = Effect.fn("Reconciliations.last")(function*(limit: number) {
  const sql = yield* SqlClient
  return yield* Effect.flatMap(
    sql`select ${columns(sql)} from reconciliations order by id desc limit ${limit}`,
    decode
  )
})

export const find = Effect.fn("Reconciliations.find")(function*(id: number) {
  const sql = yield* SqlClient
  const [found] = yield* Effect.flatMap(
    sql`select ${columns(sql)} from reconciliations where id = ${id}`,
    decode
  )
  return found
})

/** Total number of repaired scans. */
export const repaired = Effect.gen(function*() {
  const sql = yield* SqlClient
  const { scans } = yield* onlyCount(sql`select count(*)::float8 as scans from reconciled`)
  return scans
})

/** Claims the running reconciliation for 15 seconds, if there is one and no live process holds it. */
export const take = Effect.fnUntraced(function*(holder: string) {
  const sql = yield* SqlClient
  const taken = yield* firstId(sql`
    update reconciliations set holder = ${holder}, held_until = clock_timestamp() + interval '15 seconds',
      started_at = coalesce(started_at, clock_timestamp())
    where state = 'running' and (held_until is null or held_until < clock_timestamp())
    returning id::float8 as id`)
  return taken === undefined ? undefined : yield* find(taken.id)
})

/** Extends the claim to 15 seconds from now. Returns false if the claim is lost or the reconciliation was cancelled. */
export const keep = Effect.fnUntraced(function*(id: number, holder: string) {
  const sql = yield* SqlClient
  const kept = yield* sql`
    update reconciliations set held_until = clock_timestamp() + interval '15 seconds'
    where id = ${id} and state = 'running' and holder = ${holder} returning id`
  return kept.length > 0
})

/** Releases the claim, so that another process or the next start can take it at once. */
export const release = Effect.fnUntraced(function*(id: number, holder: string) {
  const sql = yield* SqlClient
  yield* sql`update reconciliations set held_until = null
    where id = ${id} and state = 'running' and holder = ${holder}`
})

export const count = Effect.fnUntraced(function*(id: number, counts: Counts) {
  const sql = yield* SqlClient
  yield* sql`
    update reconciliations set seen = ${counts.seen}, missing = ${counts.missing}, appended = ${counts.appended},
      dead_lettered = ${counts.dead_lettered}, unusable = ${counts.unusable},
      examples = ${storable(JSON.stringify(Examples.toStored(counts)))}::text::jsonb, error = null
    where id = ${id} and state = 'running'`
})

/** Records the progress of the comparison of codes. */
export const countCodes = Effect.fnUntraced(function*(
  id: number,
  { appended, outdated, seen, unusable }: {
    readonly seen: number
    readonly outdated: number
    readonly appended: number
    readonly unusable: number
  }
) {
  const sql = yield* SqlClient
  yield* sql`
    update reconciliations set codes_seen = ${seen}, codes_outdated = ${outdated}, codes_appended = ${appended},
      codes_unusable = ${unusable}, error = null
    where id = ${id} and state = 'running'`
})

/** Records why the codes could not be compared. */
export const noteCodesError = Effect.fnUntraced(function*(id: number, error: string) {
  const sql = yield* SqlClient
  yield* sql`update reconciliations set codes_error = ${
    toStored(error)
  } where id = ${id} and state = 'running'`
})

/** Records the error that delays the reconciliation. */
export const noteError = Effect.fnUntraced(function*(id: number, error: string) {
  const sql = yield* SqlClient
  yield* sql`update reconciliations set error = ${toStored(error)} where id = ${id} and state = 'running'`
})

/** Ends the reconciliation. Returns false if it had already ended. */
export const end = Effect.fn("Reconciliations.end")(
  function*(id: number, state: "done" | "cancelled" | "failed", error: string | null = null) {
    const sql = yield* SqlClient
    const ended = yield* sql`
      update reconciliations set state = ${state}, finished_at = clock_timestamp(), error = ${
      error === null ? null : toStored(error)
    }::text
      where id = ${id} and state = 'running' returning id`
    return ended.length > 0
  }
)

const time = (column: string) =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as ${column}`

const columns = (sql: SqlClient) =>
  sql.literal(`id::float8 as id, state, ${time("since")}, ${time("until")}, qpr_code_id, dry_run, scheduled,
    requested_by, ${time("requested_at")}, ${time("started_at")}, ${
    time("finished_at")
  }, seen::float8 as seen,
    missing::float8 as missing, appended::float8 as appended, dead_lettered::float8 as dead_lettered,
    unusable::float8 as unusable, codes_seen::float8 as codes_seen, codes_outdated::float8 as codes_outdated,
    codes_appended::float8 as codes_appended, codes_unusable::float8 as codes_unusable, codes_error, examples,
    error`)

const { still_missing: _, ...columnsAsStored } = Struct.omit(Reconciliation.fields, [
  "repaired_examples",
  "still_missing_examples",
  "unusable_examples"
])

const Row = Schema.Struct({ ...columnsAsStored, examples: Examples.Stored })

const decodeRows = Schema.decodeUnknownEffect(Schema.Array(Row))

const decode = (rows: ReadonlyArray<unknown>) =>
  Effect.map(
    decodeRows(parseStored(JSON.stringify(rows))),
    (rows) =>
      rows.map(({ examples, ...row }): Reconciliation => ({
        ...row,
        still_missing: row.missing - row.appended,
        ...Examples.fromStored(examples, row.dry_run)
      }))
  )
