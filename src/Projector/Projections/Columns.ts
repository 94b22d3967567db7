import { longestKey, mostCounted } from "../../Domain/Fields.ts"
import { pattern } from "../../Domain/Timestamp.ts"

// Each function returns the SQL of one column, from the field of that name in `data`. A value that the schema of its
// type does not accept is null in the column and stays in `data`. So an optional field never turns its event into a
// dead letter.
const column = (name: string, type: string, value: string, condition = "true") =>
  `case when jsonb_typeof(data->'${name}') = '${type}' then case when ${condition} then ${value} end end as ${name}`

export const text = (name: string) => column(name, "string", `data->>'${name}'`)

/** An indexed text. Its length is bounded. */
export const key = (name: string) =>
  column(name, "string", `data->>'${name}'`, `char_length(data->>'${name}') <= ${longestKey}`)

export const flag = (name: string) => column(name, "boolean", `(data->'${name}')::boolean`)

/** A whole number, also when it is written with a fraction (`6.0`). */
export const count = (name: string) => {
  const number = `(data->'${name}')::numeric`
  return column(
    name,
    "number",
    `${number}::bigint`,
    `${number} between 0 and ${mostCounted} and ${number} = trunc(${number})`
  )
}

export const time = (name: string) =>
  column(name, "string", timestamp(`data->>'${name}'`), `data->>'${name}' ~ '${pattern}'`)

/** SQL for a timestamp that the schema has accepted. A leap second (`:60`) becomes `:59`. */
export const timestamp = (text: string) => `replace(${text}, ':60', ':59')::timestamptz`

export const object = (name: string) => column(name, "object", `data->'${name}'`)
