import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows, firstRow, onlyRow } from "../../Database/Rows.ts"
import { needsOperator } from "../../Database/SqlFailure.ts"
import { tableName } from "../Projection.ts"

const Sequences = Schema.Array(Schema.Finite)

const Recorded = Schema.Struct({
  position: Schema.Finite,
  /** Time of the record in microseconds. With the position it identifies the record. */
  stamp: Schema.String,
  name: Schema.String,
  kind: Schema.Literals(["changed", "removed", "rebuilt"]),
  sequences: Sequences
})
type Recorded = typeof Recorded.Type

/** A row that has changed, or what is known about it. */
export interface Changed {
  readonly kind: Recorded["kind"] | "reset"
  /** The projection; null when the whole feed begins again. */
  readonly projection: string | null
  /** The table of the row and its key; null when no row is made from the event now. */
  readonly table: string | null
  readonly key: Readonly<Record<string, Schema.Json>> | null
  readonly sequence: number | null
  readonly event_id: string | null
}

/** A place in the feed: a position, and the time of the record there, so that no other record is taken for it. */
export interface Cursor {
  readonly position: number
  readonly stamp: string
}

/** The cursor before the first record. */
export const beginning: Cursor = { position: 0, stamp: "0" }

export const encodeCursor = ({ position, stamp }: Cursor) => `${position}-${stamp}`

/** Undefined when the text is not a cursor. */
export const decodeCursor = (text: string): Cursor | undefined => {
  const [, position, stamp] = /^(\d{1,15})-(\d{1,18})$/.exec(text) ?? []
  return position === undefined || stamp === undefined ? undefined : { position: Number(position), stamp }
}

/** The number of sequences of a page, unless a single record has more. */
const pageSize = 1_000

/** The position of the newest record; 0 without one. */
export const newest = Effect.gen(function*() {
  const sql = yield* SqlClient
  return (yield* onlyNewest(sql`select coalesce(max(position), 0)::float8 as position from changes`)).position
}).pipe(Effect.withSpan("Changes.newest"))

/** The cursor of the newest record. */
export const endOfFeed = Effect.gen(function*() {
  const sql = yield* SqlClient
  const last = yield* firstRecorded(sql`select ${columns(sql)} from changes order by position desc limit 1`)
  return last === undefined ? beginning : cursorOf(last)
}).pipe(Effect.withSpan("Changes.end"))

/**
 * Whether the feed still has every record after a cursor. False when records were deleted, and when the database was
 * replaced by another one or by an older copy.
 */
export const isKnown = Effect.fn("Changes.isKnown")(function*({ position, stamp }: Cursor) {
  const sql = yield* SqlClient
  const found = position === 0
    ? yield* firstRecorded(sql`select ${columns(sql)} from changes order by position limit 1`)
    : yield* firstRecorded(sql`select ${columns(sql)} from changes where position = ${position}::bigint`)
  return position === 0 ? found === undefined || found.position === 1 : found?.stamp === stamp
})

/** The changes after a cursor, and the cursor after them. The first page of a cursor that is not known is a reset. */
export const readChanges = Effect.fn("Changes.read")(
  (after: Cursor, projection?: string) => page(after, projection),
  // A promoted generation can be dropped between the queries. The retry reads the one that is live then.
  Effect.retry({ while: needsOperator, times: 2 })
)

const page = Effect.fnUntraced(function*(after: Cursor, projection?: string) {
  const sql = yield* SqlClient
  if (!(yield* isKnown(after))) {
    return { changes: [reset], cursor: yield* endOfFeed, end: true }
  }
  const found = yield* allRecorded(sql`
    select ${columns(sql)} from (
      select changes.*, sum(cardinality(sequences)) over (order by position) - cardinality(sequences) as before
      from (select * from changes where position > ${after.position}::bigint order by position limit ${pageSize})
        as changes
    ) as changes
    where before < ${pageSize} order by position`)
  const wanted = found.filter(({ name }) => projection === undefined || name === projection)
  const changes = yield* Effect.forEach(wanted, rowsOf)
  const last = found.at(-1)
  return {
    changes: changes.flat(),
    cursor: last === undefined ? after : cursorOf(last),
    end: last === undefined
  }
})

const cursorOf = ({ position, stamp }: Recorded): Cursor => ({ position, stamp })

const reset: Changed = {
  kind: "reset",
  projection: null,
  table: null,
  key: null,
  sequence: null,
  event_id: null
}

/** The rows that are now made from the events of a record. */
const rowsOf = Effect.fnUntraced(function*({ kind, name, sequences }: Recorded) {
  const about = (sequence: number | null): Changed => ({ ...reset, kind, projection: name, sequence })
  if (kind === "rebuilt") return [about(null)]
  if (kind === "removed") return sequences.map(about)
  const rows = yield* Effect.forEach(
    yield* tablesOf(name),
    (table) => Effect.forEach(spansOf(sequences), (span) => rowsIn(name, table, span))
  )
  const found = rows.flat(2)
  const seen = new Set(found.map(({ sequence }) => sequence))
  return [...found, ...sequences.filter((sequence) => !seen.has(sequence)).map(about)]
    .toSorted((one, other) => (one.sequence ?? 0) - (other.sequence ?? 0))
})

const Table = Schema.Struct({
  table: Schema.String,
  generation: Schema.Finite,
  /** The columns of the primary key. */
  key: Schema.Array(Schema.String),
  hasEvent: Schema.Boolean
})

/** The tables of the live generation of a projection whose rows name the sequence that they are made from. */
const tablesOf = Effect.fnUntraced(function*(name: string) {
  const sql = yield* SqlClient
  return yield* allTables(sql`
    select given.name as table, generation,
      (select coalesce(jsonb_agg(attname order by attnum), '[]') from pg_index
        join pg_attribute on attrelid = indrelid and attnum = any(indkey)
        where indrelid = relation and indisprimary) as key,
      exists (select 1 from pg_attribute where attrelid = relation and attname = 'event_id' and not attisdropped)
        as "hasEvent"
    from projections, jsonb_array_elements_text(tables) as given (name),
      lateral (select to_regclass(quote_ident(given.name || '_' || generation))::oid as relation) as found
    where projections.name = ${name}
      and exists (select 1 from pg_attribute where attrelid = relation and attname = 'sequence' and not attisdropped)
    order by 1`)
})

/** Sequences farther apart than this are looked up apart, so that no lookup reads the rows between them. */
const gap = 10_000

/** Splits sequences into spans without large gaps. */
export const spansOf = (sequences: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<number>> => {
  const spans: Array<Array<number>> = []
  for (const sequence of sequences.toSorted((one, other) => one - other)) {
    const span = spans.at(-1)
    if (span === undefined || sequence - (span.at(-1) ?? 0) > gap) spans.push([sequence])
    else span.push(sequence)
  }
  return spans
}

const rowsIn = Effect.fnUntraced(function*(
  name: string,
  { generation, hasEvent, key, table }: typeof Table.Type,
  span: ReadonlyArray<number>
) {
  const sql = yield* SqlClient
  const keyOf = key.map((column) => `'${column.replaceAll("'", "''")}', "${column.replaceAll("\"", "\"\"")}"`)
  const rows = yield* allFound(sql`
    select jsonb_build_object(${sql.literal(keyOf.join(", "))}) as key, sequence::float8 as sequence,
      ${sql.literal(hasEvent ? "event_id" : "null::text")} as event_id
    from ${sql(tableName(table, generation))}
    where sequence between ${span[0] ?? 0}::bigint and ${span.at(-1) ?? 0}::bigint
      and sequence = any(${span}::bigint[])`)
  return rows.map((row): Changed => ({ kind: "changed", projection: name, table, ...row }))
})

const columns = (sql: SqlClient) =>
  sql.literal(
    "position::float8 as position, (extract(epoch from at) * 1000000)::bigint::text as stamp, name, kind, "
      + "to_jsonb(sequences) as sequences"
  )

const allRecorded = allRows(Recorded)
const firstRecorded = firstRow(Recorded)
const onlyNewest = onlyRow(Schema.Struct({ position: Schema.Finite }))
const allTables = allRows(Table)
const allFound = allRows(Schema.Struct({
  key: Schema.Record(Schema.String, Schema.Json),
  sequence: Schema.Finite,
  event_id: Schema.NullOr(Schema.String)
}))
