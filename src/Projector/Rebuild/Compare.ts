import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows, onlyRow } from "../../Database/Rows.ts"
import { Example, type TableComparison } from "../../Domain/Comparison.ts"
import { type Projection, tableName } from "../Projection.ts"
import { appliedTable } from "../Tables.ts"

/** Maximum number of differing rows that are shown per table. */
const mostExamples = 100

/** Compares two generations, table by table, including the record of applied events. */
export const compare = Effect.fn("Projector.compare")(
  function*(projection: Projection, live: number, rebuilt: number) {
    const tables: Record<string, TableComparison> = {}
    for (const [name, { key }] of Object.entries(projection.tables)) {
      tables[name] = yield* compareTables(tableName(name, live), tableName(name, rebuilt), key)
    }
    tables[`${projection.name}_applied`] = yield* compareTables(
      appliedTable(projection, live),
      appliedTable(projection, rebuilt),
      ["event_id"]
    )
    return tables
  }
)

const compareTables = Effect.fnUntraced(function*(live: string, rebuilt: string, key: ReadonlyArray<string>) {
  const columnsOf = { live: yield* columns(live), rebuilt: yield* columns(rebuilt) }
  const common = columnsOf.rebuilt.filter((column) => columnsOf.live.includes(column))
  const other_columns = [...columnsOf.live, ...columnsOf.rebuilt].filter((column) => !common.includes(column))
  const left = yield* content(live, common)
  const right = yield* content(rebuilt, common)
  const equal = left.hash === right.hash && other_columns.length === 0
  return {
    equal,
    rows: { live: left.rows, rebuilt: right.rows },
    hash: { live: left.hash, rebuilt: right.hash },
    other_columns,
    ...left.hash === right.hash
      ? { only_live: 0, only_rebuilt: 0, different: 0, examples: [] }
      : yield* difference(live, rebuilt, key, common)
  }
})

const columns = Effect.fnUntraced(function*(table: string) {
  const sql = yield* SqlClient
  const rows = yield* allNames(sql`
    select attname::text as name from pg_attribute
    where attrelid = ${table}::text::regclass and attnum > 0 and not attisdropped order by attnum`)
  return rows.map(({ name }) => name)
})

// A sum of hashes does not depend on the order of the rows.
const content = Effect.fnUntraced(function*(table: string, columns: ReadonlyArray<string>) {
  const sql = yield* SqlClient
  return yield* onlyContent(sql.unsafe(`
    select count(*)::float8 as rows, md5(concat_ws(':', count(*), sum(hashtextextended(row, 0)::numeric),
      sum(hashtextextended(row, 1)::numeric))) as hash
    from (select row(${columns.join(", ")})::text as row from ${table}) as rows`))
})

const allNames = allRows(Schema.Struct({ name: Schema.String }))
const onlyContent = onlyRow(Schema.Struct({ rows: Schema.Finite, hash: Schema.String }))
const onlyDifference = onlyRow(Schema.Struct({
  only_live: Schema.Finite,
  only_rebuilt: Schema.Finite,
  different: Schema.Finite,
  examples: Schema.Array(Example)
}))

const difference = Effect.fnUntraced(
  function*(live: string, rebuilt: string, key: ReadonlyArray<string>, columns: ReadonlyArray<string>) {
    const sql = yield* SqlClient
    const keyOf = (table: string) => `jsonb_build_array(${key.map((name) => `${table}.${name}`).join(", ")})`
    const rows = (table: string) =>
      `select ${keyOf("t")} as key, md5(row(${columns.join(", ")})::text) as hash from ${table} as t`
    return yield* onlyDifference(sql.unsafe(`
      with live as (${rows(live)}), rebuilt as (${rows(rebuilt)}),
      differing as materialized (
        select key, case when rebuilt.hash is null then 'only_live' when live.hash is null then 'only_rebuilt'
          else 'different' end as kind
        from live full join rebuilt using (key) where live.hash is distinct from rebuilt.hash
      ),
      examples as (
        select kind, jsonb_build_object(${
      key.map((name, at) => `'${name}', differing.key->${at}`).join(", ")
    }) as key, case when kind = 'different' then (
            select jsonb_object_agg(key, jsonb_build_object('live', a.value, 'rebuilt', b.value))
            from jsonb_each_text(to_jsonb(live)) as a join jsonb_each_text(to_jsonb(rebuilt)) as b using (key)
            where a.value is distinct from b.value
          ) else '{}' end as columns
        from (select * from differing order by key limit ${mostExamples}) as differing
        left join ${live} as live on ${keyOf("live")} = differing.key
        left join ${rebuilt} as rebuilt on ${keyOf("rebuilt")} = differing.key
        order by differing.key
      )
      select count(*) filter (where kind = 'only_live')::float8 as only_live,
        count(*) filter (where kind = 'only_rebuilt')::float8 as only_rebuilt,
        count(*) filter (where kind = 'different')::float8 as different,
        (select coalesce(jsonb_agg(to_jsonb(examples)), '[]') from examples) as examples
      from differing`))
  }
)
