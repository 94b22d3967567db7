import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import { Buffer } from "node:buffer"
import { allRows, onlyRow } from "../../Database/Rows.ts"
import { parseStored } from "../../Domain/ExactJson.ts"
import { toStored } from "../../Domain/StoredText.ts"
import { isTimestamp, withoutLeapSecond } from "../../Domain/Timestamp.ts"
import { InvalidRequest } from "../Api/Problems.ts"
import { usualLimit } from "../Api/Query.ts"
import type { ListQuery } from "../Api/RowQueries.ts"

/** A table of rows, listed newest first by a time column, with counters of its rows by hour. */
export interface Listed {
  readonly rows: string
  readonly at: string
  /** Counters of rows by hour; undefined when the rows are few enough to be counted. */
  readonly counters?: {
    /** The table of counters by code and hour. */
    readonly hours: string
    /** The table of counters by hour, of all codes. */
    readonly totals: string
    readonly count: string
  }
  /** The SQL expression that a row is returned as. */
  readonly show: string
  /** The columns that a query can filter by. */
  readonly filters: ReadonlyArray<string>
}

const Found = Schema.Struct({
  /** JSON as Postgres writes it, with all digits of its numbers. */
  row: Schema.String,
  at: Schema.String,
  /** The id in its stored form. */
  id: Schema.String
})

const allFound = allRows(Found)
const onlyTotal = onlyRow(Schema.Struct({ total: Schema.Finite }))
const onlyLocated = onlyRow(Schema.Struct({
  total: Schema.NullOr(Schema.Finite),
  upper: Schema.NullOr(Schema.String),
  skipped: Schema.NullOr(Schema.Finite)
}))

/**
 * One page, and the total number of rows. Counters give the total and the hour in which an offset lies, so that
 * neither becomes slower with more rows. No counters exist for filtered rows, so these are counted.
 */
export const pageOf = Effect.fnUntraced(function*(listed: Listed, query: ListQuery) {
  const sql = yield* SqlClient
  const { cursor, limit = usualLimit, offset } = query
  if (cursor !== undefined && offset !== undefined) {
    return yield* new InvalidRequest({
      detail: "Send either `cursor` or `offset`, not both."
    })
  }
  const after = cursor === undefined ? undefined : yield* decodeCursor(cursor)
  const at = sql.literal(listed.at)
  const chosen = filtersOf(sql, listed, query).length > 0
  const { counters } = listed
  const { rows, skipped, total, upper } = yield* chosen || counters === undefined
    ? count(listed, query)
    : locate({ ...listed, ...counters }, query)
  const skip = (offset ?? 0) - skipped
  const found = offset !== undefined && offset >= total ? [] : yield* allFound(sql`
    select (${sql.literal(listed.show)})::text as row, id,
      to_char(${at} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z" BC') as at
    from ${rows} where ${
    sql.and([
      ...spanOf(sql, query, at),
      ...filtersOf(sql, listed, query),
      ...upper === null ? [] : [sql`${at} < ${upper}::text::timestamptz`],
      ...after === undefined ? [] : [sql`(${at}, id) < (${after.at}::text::timestamptz, ${after.id}::text)`]
    ])
  }
    order by ${at} desc, id desc limit ${limit + 1} offset ${skip}`)
  const shown = found.slice(0, limit)
  const last = shown.at(-1)
  return {
    rows: shown.map(({ row }) => parseStored(row)),
    total,
    limit,
    offset: offset ?? 0,
    next_cursor: found.length > limit && last !== undefined ? encodeCursor(last) : null
  }
})

const filtersOf = (sql: SqlClient, { filters }: Listed, query: ListQuery) =>
  Object.entries(query).flatMap(([name, value]) => {
    if (typeof value !== "string") return []
    const wanted = toStored(value)
    if (name.startsWith(inMetadata)) {
      return [sql`metadata ->> ${toStored(name.slice(inMetadata.length))}::text = ${wanted}`]
    }
    return filters.includes(name) ? [sql`${sql.literal(name)} = ${wanted}`] : []
  })

const inMetadata = "metadata."

const spanOf = (sql: SqlClient, query: ListQuery, at: Fragment) => [
  ...query.qpr_code_id === undefined ? [] : [sql`qpr_code_id = ${toStored(query.qpr_code_id)}`],
  ...query.since === undefined ? [] : [sql`${at} >= ${withoutLeapSecond(query.since)}::text::timestamptz`],
  ...query.until === undefined ? [] : [sql`${at} < ${withoutLeapSecond(query.until)}::text::timestamptz`]
]

/** Counts the rows that match the filters. */
const count = Effect.fnUntraced(function*(listed: Listed, query: ListQuery) {
  const sql = yield* SqlClient
  const rows = sql.literal(listed.rows)
  const conditions = [...spanOf(sql, query, sql.literal(listed.at)), ...filtersOf(sql, listed, query)]
  const { total } = yield* onlyTotal(
    sql`select count(*)::float8 as total from ${rows} where ${sql.and(conditions)}`
  )
  return { rows, total, skipped: 0, upper: null }
})

/**
 * The total number of rows, and the span in which the offset lies: its upper end, and the number of newer rows. Whole
 * hours are read from the counters. Rows of an hour that `since` or `until` cuts are counted.
 */
const locate = Effect.fnUntraced(function*(
  listed: Listed & Required<Listed>["counters"],
  query: ListQuery
) {
  const sql = yield* SqlClient
  const { offset = 0 } = query
  const rows = sql.literal(listed.rows)
  const at = sql.literal(listed.at)
  const hours = sql.literal(query.qpr_code_id === undefined ? listed.totals : listed.hours)
  const code = query.qpr_code_id === undefined ? sql`true` : sql`qpr_code_id = ${toStored(query.qpr_code_id)}`
  const edge = (lower: string, upper: string, when: string) =>
    sql`select ${sql.literal(lower)}, ${sql.literal(upper)},
      (select count(*) from ${rows} where ${code} and ${at} >= (select ${sql.literal(lower)} from bounds)
        and ${at} < (select ${sql.literal(upper)} from bounds))
      from bounds where ${sql.literal(when)}`
  const found = yield* onlyLocated(sql`
    with given as (
      select coalesce(${orNull(query.since)}::text::timestamptz, '-infinity') as since,
        coalesce(${orNull(query.until)}::text::timestamptz, 'infinity') as until
    ),
    bounds as (
      select since, until, date_trunc('hour', since + interval '1 hour' - interval '1 microsecond', 'UTC') as first,
        date_trunc('hour', until, 'UTC') as last
      from given
    ),
    spans (lower, upper, rows) as (
      select hour, hour + interval '1 hour', sum(${sql.literal(listed.count)}) from ${hours}
      where ${code} and hour >= (select first from bounds) and hour < (select last from bounds) group by hour
      union all ${edge("since", "least(first, until)", "since < first")}
      union all ${edge("last", "until", "last < until and last >= first")}
    ),
    placed as (
      select upper, rows, sum(rows) over (order by lower desc) - rows as skipped, sum(rows) over () as total
      from spans
    )
    select max(total)::float8 as total, max(skipped) filter (where skipped <= ${offset}::bigint)::float8 as skipped,
      to_char(min(upper) filter (where skipped <= ${offset}::bigint and rows > 0) at time zone 'UTC',
        'YYYY-MM-DD"T"HH24:MI:SS.US"Z" BC') as upper
    from placed`)
  const total = found.total ?? 0
  return offset === 0
    ? { rows, total, skipped: 0, upper: null }
    : { rows, total, skipped: found.skipped ?? 0, upper: found.upper }
})

const orNull = (time: string | undefined) => time === undefined ? null : withoutLeapSecond(time)

const encodeCursor = ({ at, id }: typeof Found.Type) => Buffer.from(`${at} ${id}`).toString("base64url")

// With its offset, the time of an event can lie in the year 10000, or before the year 1, which Postgres writes with
// BC.
const decodeCursor = (cursor: string) => {
  const [, at, date = "", time = "", id] =
    /^((\d{4}-\d\d-\d\d|10000-01-01)T(\d\d:\d\d:\d\d\.\d{6}Z)(?: AD| BC)?) ([^]+)$/.exec(
      Buffer.from(cursor, "base64url").toString()
    ) ?? []
  return at === undefined || id === undefined || id.includes("\0") ||
      !isTimestamp(`${date.replace("10000", "9999")}T${time}`)
    ? Effect.fail(
      new InvalidRequest({ detail: "The cursor is not valid. Use `next_cursor` of the previous page." })
    )
    : Effect.succeed({ at, id })
}
