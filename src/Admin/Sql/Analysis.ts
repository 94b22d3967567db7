import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows, onlyRow } from "../../Database/Rows.ts"

/** What Postgres knows about a statement without running it. */
const Analysis = Schema.Struct({
  columns: Schema.Array(Schema.Struct({ name: Schema.String, type: Schema.String })),
  /** The functions in it that can change something or wait. */
  unsafe: Schema.Array(Schema.String),
  recursive: Schema.Boolean
})
type Analysis = typeof Analysis.Type

/** Takes the result of an analysis out of its transaction, which is rolled back. */
class Analysed extends Schema.TaggedError<Analysed>()("Analysed", { analysis: Analysis }) {}

/** The text in front of the statement. The position in an error of Postgres counts it too. */
export const prefix = "create temporary view threeqpr_statement as "

/** Volatile functions that change nothing and do not wait. */
const harmless = [
  "random",
  "random_normal",
  "clock_timestamp",
  "timeofday",
  "gen_random_uuid",
  "uuidv4",
  "uuidv7",
  "pg_relation_size",
  "pg_table_size",
  "pg_total_relation_size"
]

/**
 * Analyses a statement without running it: Postgres parses it as the query of a view, which is then rolled back. So
 * it is one statement that reads, without a change in a `with`. The stored form of a view names each function, however
 * the statement writes it. Postgres declares every function that can change something as volatile.
 */
export const analyse = Effect.fnUntraced(function*(statement: string) {
  const sql = yield* SqlClient
  return yield* sql.withTransaction(Effect.gen(function*() {
    yield* sql.unsafe(`${prefix}${statement}`).unprepared
    const columns = yield* allColumns(sql`
      select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
      where attrelid = 'pg_temp.threeqpr_statement'::regclass and attnum > 0 order by attnum`)
    const unsafe = yield* allNames(sql`
      with tree as (
        select ev_action::text as nodes from pg_rewrite
        where ev_class = 'pg_temp.threeqpr_statement'::regclass
      ),
      called (function) as (
        select found[1]::oid
        from tree, regexp_matches(nodes, ':(?:funcid|winfnoid|aggfnoid|opfuncid) (\\d+)', 'g') as found
        union
        select oprcode from tree, regexp_matches(nodes, ':opno (\\d+)', 'g') as found
          join pg_operator on pg_operator.oid = found[1]::oid
      )
      select distinct proname as name from called join pg_proc on pg_proc.oid = function
      where provolatile = 'v'
        and not (pronamespace = 'pg_catalog'::regnamespace and proname = any(${harmless}::text[]))
      order by 1`)
    const { recursive } = yield* onlyRecursive(sql`
      select ev_action::text ~ ':hasRecursive true' as recursive from pg_rewrite
      where ev_class = 'pg_temp.threeqpr_statement'::regclass`)
    const analysis = { columns, unsafe: unsafe.map(({ name }) => name), recursive }
    return yield* new Analysed({ analysis })
  })).pipe(Effect.catchTag("Analysed", ({ analysis }) => Effect.succeed(analysis)))
})

const allColumns = allRows(Schema.Struct({ name: Schema.String, type: Schema.String }))
const allNames = allRows(Schema.Struct({ name: Schema.String }))
const onlyRecursive = onlyRow(Schema.Struct({ recursive: Schema.Boolean }))
