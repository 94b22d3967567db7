import { createHash } from "node:crypto"
import type { ByRow, Definition } from "./Definition.ts"

/** Placeholders in the SQL of a definition, for the table of a generation and for the events of a batch. */
export const marks = { table: "⟦table⟧", events: "⟦events⟧" } as const

/** The SQL of a definition, with the placeholders `marks`. */
export const statementsOf = (definition: Definition): ReadonlyArray<string> => {
  if (definition.apply === undefined) return [upsertOf(definition)]
  const given = definition.apply(marks)
  return typeof given === "string" ? [given] : given
}

/** The parts of a statement: its text, and placeholders between. */
export const partsOf = (statement: string): ReadonlyArray<string> =>
  statement.split(/(⟦table⟧|⟦events⟧)/).filter((part) => part !== "")

/** What `events` stands for in SQL: the rows of a batch, with the type and the data of each event as columns. */
export const eventsSource = (rows: string) =>
  `(select event_id, sequence, received_at, event->>'event' as type, event->'data' as data, event
    from ${rows} as row) as events`

/** The type of a column without `not null`, as a cast takes it. */
export const castOf = (type: string) => type.replace(/ not null$/i, "")

/**
 * Identifies what the rows depend on: types, columns and SQL. Indentation and empty lines do not count, and neither
 * do the filters of the API.
 */
export const hashOf = (definition: Definition): string => {
  const { columns, indexes = [], key, rows = null, types } = definition
  const statements = statementsOf(definition).map((text) =>
    text.split("\n").map((line) => line.trim()).filter((line) => line !== "").join("\n")
  )
  return createHash("sha256").update(
    JSON.stringify({ types, key, columns: Object.entries(columns), indexes, rows, statements })
  ).digest("hex").slice(0, 16)
}

/**
 * Writes one row for each key. The last event decides, and the columns of `add` are added up, in whatever order and
 * batches the events come.
 */
const upsertOf = ({ add = {}, columns, key, row }: ByRow): string => {
  const summed = Object.keys(add)
  const replaced = Object.keys(columns).filter((name) => !key.includes(name) && !summed.includes(name))
  const expressions = Object.entries(columns).map(([name, type]) =>
    `(${add[name] ?? row[name]})::${castOf(type)} as ${name}`
  )
  const sum = (name: string) =>
    `coalesce(sum(${name}) over (partition by ${key.join(", ")}), 0)::${
      castOf(columns[name] ?? "")
    } as ${name}`
  const isLater = "excluded.sequence > old.sequence"
  const last = [...replaced, "event_id"]
  const changes = summed.length === 0
    ? [...last, "sequence"].map((name) => `${name} = excluded.${name}`)
    : [
      ...summed.map((name) => `${name} = old.${name} + excluded.${name}`),
      ...last.map((name) => `${name} = case when ${isLater} then excluded.${name} else old.${name} end`),
      "sequence = greatest(old.sequence, excluded.sequence)"
    ]
  return `insert into ${marks.table} as old (${
    [...key, ...replaced, ...summed].join(", ")
  }, event_id, sequence)
select distinct on (${key.join(", ")}) ${
    [...key, ...replaced, ...summed.map(sum)].join(", ")
  }, event_id, sequence
from (
  select ${expressions.join(",\n    ")},
    event_id, sequence
  from ${marks.events}
) as input
where ${key.map((name) => `${name} is not null`).join(" and ")}
order by ${key.join(", ")}, sequence desc
on conflict (${key.join(", ")}) do update set ${changes.join(", ")}${
    summed.length === 0 ? `\nwhere ${isLater}` : ""
  }`
}
