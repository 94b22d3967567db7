import { Effect } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import type { Fresh, Projection, Table, TableOf } from "../Projection.ts"

/** A table of rows, and tables of counters that are always what a recount of those rows would give. */
export interface Counted {
  /** The table of the rows; its key is `id`. */
  readonly rows: string
  /** Its columns beside `id`, separated by commas. */
  readonly columns: string
  /** Those of them that the counters are made of. */
  readonly counted: string
  /** What each row adds to every counter, as SQL over `counted`; the first is the number of rows. */
  readonly measures: Readonly<Record<string, string>>
  /** For each table of counters its key: columns as SQL over `counted`. */
  readonly counters: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** A table of counters: its key, with types, and one number a measure. */
export const counterTable = (
  key: Readonly<Record<string, string>>,
  measures: ReadonlyArray<string>,
  indexes: ReadonlyArray<string> = []
): Table => {
  const names = Object.keys(key)
  return {
    key: names,
    columns: [
      ...names.map((name) => `${name} ${key[name]}`),
      ...measures.map((name) => `${name} bigint not null`),
      `unique nulls not distinct (${names.join(", ")})`
    ].map((line) => `\n  ${line}`).join(","),
    indexes
  }
}

/** What to do with the rows that `inputOf` selects of a batch's JSON (of several about one `id` the last). */
export const counting = (
  counted: Counted,
  inputOf: (sql: SqlClient, json: string) => Fragment
): Required<Pick<Projection, "apply" | "bulk">> => ({
  apply: (sql, table, fresh) => writeCounted(sql, table, fresh, inputOf(sql, fresh.json), counted),
  bulk: {
    apply: (sql, table, fresh) => writeRows(sql, table, inputOf(sql, fresh.json), counted),
    complete: (sql, table) => countAll(sql, table, counted)
  }
})

/** Writes rows and leaves the counters alone; the later event wins. */
const writeRows = (sql: SqlClient, table: TableOf, input: Fragment, { columns, rows }: Counted) =>
  Effect.asVoid(sql`
    insert into ${table(rows)} as old (id, ${sql.literal(columns)})
    select id, ${sql.literal(columns)} from (${input}) as input order by id
    on conflict (id) do update set (${sql.literal(columns)}) = (select ${
    sql.literal(columns.split(",").map((column) => `excluded.${column.trim()}`).join(", "))
  })
    where excluded.sequence > old.sequence`)

/** Fills the empty counters from the rows. */
const countAll = (sql: SqlClient, table: TableOf, { counters, measures, rows }: Counted) =>
  Effect.forEach(Object.entries(counters), ([name, key]) =>
    sql`
      insert into ${table(name)} (${sql.literal([...Object.keys(key), ...Object.keys(measures)].join(", "))})
      select ${
      sql.literal([...Object.values(key), ...Object.values(measures).map((one) => `sum(${one})`)].join(", "))
    } from ${table(rows)}
      group by ${sql.literal(Object.keys(key).map((_, at) => at + 1).join(", "))}`, { discard: true })

/**
 * Writes the rows that `input` selects (of several about one `id` only the last in the stream) and changes the
 * counters with them, in whatever order events come: a new row adds itself, a row that a later event changes
 * is taken from its old counters and added to its new ones. There is no counter of no rows.
 */
const writeCounted = Effect.fnUntraced(function*(
  sql: SqlClient,
  table: TableOf,
  fresh: Fresh,
  input: Fragment,
  { columns, counted, counters, measures, rows }: Counted
) {
  const names = Object.keys(measures)
  const changes = (from: Fragment) =>
    sql`${from}, changes as (
      select ${sql.literal(counted)}, ${
      sql.literal(names.map((name) => `sign * (${measures[name]}) as ${name}`).join(", "))
    } from moved
    )`
  const count = (name: string, key: Readonly<Record<string, string>>) => {
    const own = Object.keys(key).join(", ")
    return sql`, ${sql.literal(`${name}_changed`)} as (
      insert into ${table(name)} as counter (${sql.literal(`${own}, ${names.join(", ")}`)})
      select ${sql.literal(Object.values(key).join(", "))}, ${
      sql.literal(names.map((name) => `sum(${name})`).join(", "))
    } from changes
      group by ${sql.literal(Object.keys(key).map((_, at) => at + 1).join(", "))}
      having ${sql.literal(names.map((name) => `sum(${name}) <> 0`).join(" or "))}
      order by ${sql.literal(Object.keys(key).map((_, at) => at + 1).join(", "))}
      on conflict (${sql.literal(own)}) do update set ${
      sql.literal(names.map((name) => `${name} = counter.${name} + excluded.${name}`).join(", "))
    }
      returning counter.${sql.literal(names[0] ?? "")} = 0 as empty
    )`
  }
  const all = (from: Fragment) =>
    Object.entries(counters).reduce(
      (statement, [name, key]) => sql`${statement}${count(name, key)}`,
      changes(from)
    )
  const into = table(rows)
  const [{ inserted } = { inserted: 0 }] = yield* sql<{ readonly inserted: number }>`
    with input as (${input}),
    inserted as (
      insert into ${into} (id, ${sql.literal(columns)})
      select id, ${sql.literal(columns)} from input order by id
      on conflict (id) do nothing
      returning ${sql.literal(counted)}
    ),
    ${all(sql`moved as (select 1 as sign, ${sql.literal(counted)} from inserted)`)}
    select count(*)::int as inserted from inserted`
  if (inserted === fresh.count) return
  // Some of these rows were there already: the later event wins, and its row changes its counters.
  const moved = sql`moved as (
      select -1 as sign, ${sql.literal(counted)} from before where id in (select id from changed)
      union all
      select 1 as sign, ${sql.literal(counted)} from input where id in (select id from changed)
    )`
  const empty = yield* sql<{ readonly table: string }>`
    with input as (${input}),
    before as materialized (
      select id, sequence, ${sql.literal(counted)} from ${into} where id in (select id from input)
      order by id for update
    ),
    changed as (
      update ${into} as old
      set (${sql.literal(columns)}) = (select ${sql.literal(columns)} from input where input.id = old.id)
      from input join before using (id)
      where old.id = before.id and input.sequence > before.sequence
      returning old.id
    ),
    ${all(moved)}
    ${
    sql.literal(
      Object.keys(counters).map((name) =>
        `select '${name}' as table from ${name}_changed where empty group by 1`
      ).join(" union all ")
    )
  }`
  // Whether a counter was ever there must not depend on how the events were batched.
  for (const { table: name } of empty) {
    yield* sql`delete from ${table(name)} where ${sql.literal(names[0] ?? "")} = 0`
  }
})
