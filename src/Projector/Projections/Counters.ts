import { Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import { onlyRow } from "../../Database/Rows.ts"
import {
  type Fresh,
  type Projection,
  removeFrom,
  type Rows,
  type Table,
  type TableOf
} from "../Projection.ts"

/** A table of rows and its tables of counters. The counters always equal a recount of the rows. */
export interface Counted {
  /** The table of the rows; its key is `id`. */
  readonly rows: string
  /** Its columns without `id`, separated by commas. */
  readonly columns: string
  /** The columns from which the counters are computed. */
  readonly counted: string
  /** What each row adds to every counter, as SQL over `counted`; the first is the number of rows. */
  readonly measures: Readonly<Record<string, string>>
  /** The key of each table of counters: columns as SQL over `counted`. */
  readonly counters: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** A table of counters: its key columns with types, and one number per measure. */
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

/**
 * Builds the functions that apply and remove counted rows. `inputOf` selects the rows of a batch; of several about
 * one `id`, the last one.
 */
export const counting = (
  counted: Counted,
  inputOf: (sql: SqlClient, rows: Fragment) => Fragment
): Required<Pick<Projection, "apply" | "bulk">> & Pick<Rows, "remove"> => ({
  apply: (sql, table, fresh) => writeCounted(sql, table, fresh, inputOf(sql, fresh.rows), counted),
  bulk: {
    apply: (sql, table, fresh) => writeRows(sql, table, inputOf(sql, fresh.rows), counted),
    complete: (sql, table) => countAll(sql, table, counted)
  },
  remove: (sql, table, which, completed) =>
    completed ? removeCounted(sql, table, which, counted) : removeFrom(counted.rows)(sql, table, which, false)
})

/** Writes rows without changing the counters. The later event wins. */
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
 * Writes the rows that `input` selects and updates the counters, in any order of arrival. Of several rows about one
 * `id`, only the last in the stream is written. A new row is added to its counters. A row that a later event changes
 * is subtracted from its old counters and added to its new ones. A counter of zero is deleted.
 */
const writeCounted = Effect.fnUntraced(function*(
  sql: SqlClient,
  table: TableOf,
  fresh: Fresh,
  input: Fragment,
  description: Counted
) {
  const { columns, counted, rows } = description
  const into = table(rows)
  const { inserted } = yield* onlyInserted(sql`
    with input as (${input}),
    inserted as (
      insert into ${into} (id, ${sql.literal(columns)})
      select id, ${sql.literal(columns)} from input order by id
      on conflict (id) do nothing
      returning ${sql.literal(counted)}
    ),
    ${
    moving(sql, table, sql`moved as (select 1 as sign, ${sql.literal(counted)} from inserted)`, description)
  }
    select count(*)::int as inserted from inserted`)
  if (inserted === fresh.count) return
  // Some of these rows exist already. The later event wins, and its row updates the counters.
  const moved = sql`moved as (
      select -1 as sign, ${sql.literal(counted)} from before where id in (select id from changed)
      union all
      select 1 as sign, ${sql.literal(counted)} from input where id in (select id from changed)
    )`
  const changed = yield* onlyEmptied(sql`
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
    ${moving(sql, table, moved, description)}
    select ${emptied(sql, description)}`)
  yield* dropEmpty(sql, table, changed, description)
})

/** Removes rows and subtracts them from their counters. Returns the number of removed rows. */
const removeCounted = Effect.fnUntraced(function*(
  sql: SqlClient,
  table: TableOf,
  which: Fragment,
  description: Counted
) {
  const { counted, rows } = description
  const changed = yield* onlyRemoved(sql`
    with removed as (delete from ${table(rows)} where ${which} returning ${sql.literal(counted)}),
    ${
    moving(sql, table, sql`moved as (select -1 as sign, ${sql.literal(counted)} from removed)`, description)
  }
    select (select count(*)::int from removed) as removed, ${emptied(sql, description)}`)
  yield* dropEmpty(sql, table, changed, description)
  return changed.removed
})

/**
 * The part of a statement that changes every counter by the rows of `moved`. The `sign` of a row adds or subtracts
 * it.
 */
const moving = (
  sql: SqlClient,
  table: TableOf,
  moved: Fragment,
  { counted, counters, measures }: Counted
) => {
  const names = Object.keys(measures)
  const changes = sql`${moved}, changes as (
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
  return Object.entries(counters).reduce(
    (statement, [name, key]) => sql`${statement}${count(name, key)}`,
    changes
  )
}

/** The result of a statement with `moving`: the tables that now have counters of zero. */
const Emptied = Schema.Struct({ emptied: Schema.Array(Schema.String) })

const onlyInserted = onlyRow(Schema.Struct({ inserted: Schema.Finite }))
const onlyEmptied = onlyRow(Emptied)
const onlyRemoved = onlyRow(Schema.Struct({ ...Emptied.fields, removed: Schema.Finite }))

const emptied = (sql: SqlClient, { counters }: Counted) =>
  sql.literal(
    `array_remove(array[${
      Object.keys(counters).map((name) => `(select '${name}' from ${name}_changed where empty limit 1)`).join(
        ", "
      )
    }], null) as emptied`
  )

/** Deletes counters of zero. Which counters exist must not depend on how the events were batched. */
const dropEmpty = (
  sql: SqlClient,
  table: TableOf,
  changed: typeof Emptied.Type,
  { measures }: Counted
) =>
  Effect.forEach(
    changed.emptied,
    (name) => sql`delete from ${table(name)} where ${sql.literal(Object.keys(measures)[0] ?? "")} = 0`,
    { discard: true }
  )
