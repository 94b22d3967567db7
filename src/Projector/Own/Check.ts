import { nearestOf } from "../../Process/Nearest.ts"
import { shown } from "../../Process/Options.ts"
import type { Definition } from "./Definition.ts"

/** The columns that every read model has, with their types. */
const standardColumns = { event_id: "text not null", sequence: "bigint not null" } as const

/** The columns of the table of a definition, and its primary key, as `create table` takes them. */
export const tableColumns = ({ columns, key }: Pick<Definition, "columns" | "key">) =>
  [
    ...Object.entries({ ...columns, ...standardColumns }).map(([name, type]) => `${name} ${type}`),
    `primary key (${key.join(", ")})`
  ].map((line) => `\n  ${line}`).join(",")

/** Every fault of a definition, in words. Empty for a correct one. */
export const faultsOf = (definition: unknown): ReadonlyArray<string> => {
  if (!isRecord(definition)) {
    return [`It is ${shown(definition)}; allowed is an object with ${fields.join(", ")}.`]
  }
  const { columns } = definition
  const unknown = Object.keys(definition).filter((name) => !fields.includes(name)).map((name) =>
    `There is no field ${name}. ${meant(name, fields)}`
  )
  const plain = Object.entries(rules).flatMap(([name, { allowed, allows, optional = false }]) =>
    definition[name] === undefined && optional || allows(definition[name])
      ? []
      : [`${name} is ${shown(definition[name])}; allowed is ${allowed}.`]
  )
  return [
    ...unknown,
    ...plain,
    ...(isColumns(columns) ? [...columnFaults(definition, columns), ...sqlFaults(definition, columns)] : [])
  ]
}

/** Whether a definition has no fault. */
export const isDefinition = (definition: unknown): definition is Definition =>
  faultsOf(definition).length === 0

interface Rule {
  readonly allowed: string
  readonly allows: (value: unknown) => boolean
  readonly optional?: boolean
}

const texts = (value: unknown, pattern: RegExp) =>
  Array.isArray(value) && value.every((text) => typeof text === "string" && pattern.test(text))

const isNotEmpty = (value: unknown) => Array.isArray(value) && value.length > 0

const rules: Readonly<Record<string, Rule>> = {
  name: {
    allowed:
      "1 to 40 lower-case letters, digits and _, beginning with a letter, and without _applied or _ and a "
      + "number at the end",
    allows: (value) =>
      typeof value === "string" && /^[a-z][a-z0-9_]{0,39}$/.test(value) && !/_(applied|\d+)$/.test(value)
  },
  version: {
    allowed: "a whole number from 1 to 1000000",
    allows: (value) =>
      typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 1_000_000
  },
  types: {
    allowed:
      "a list of event types such as scan.created, at least one: words of letters, digits, _ and - joined by dots",
    allows: (value) => isNotEmpty(value) && texts(value, /^(?=.{1,100}$)[\w-]+(\.[\w-]+)*$/)
  },
  key: {
    allowed: "a list of columns, at least one",
    allows: (value) => isNotEmpty(value) && texts(value, /^/)
  },
  columns: {
    allowed:
      `an object of column names (lower-case letters, digits and _) with Postgres types, such as { country: "text" }`,
    allows: (value) => isColumns(value)
  },
  indexes: {
    allowed: `a list of columns with an optional desc, such as ["country, scanned_at desc"]`,
    allows: (value) => texts(value, /^[a-z_][\w, ]*$/),
    optional: true
  },
  filters: { allowed: "a list of columns", allows: (value) => texts(value, /^/), optional: true },
  rows: {
    allowed:
      "an object with entity (scan, conversation, qpr_code or subscription) and id (a column), and optionally "
      + "belongsTo and happenedAt",
    allows: (value) =>
      isRecord(value) && ["scan", "conversation", "qpr_code", "subscription"].some((one) =>
        one === value["entity"]
      )
      && typeof value["id"] === "string"
      && Object.keys(value).every((name) => ["entity", "id", "belongsTo", "happenedAt"].includes(name))
      && (value["belongsTo"] === undefined || isRecord(value["belongsTo"])
          && Object.keys(value["belongsTo"]).every((name) => name === "scan" || name === "qpr_code")),
    optional: true
  },
  row: {
    allowed: "an object of columns with SQL expressions",
    allows: (value) => isExpressions(value),
    optional: true
  },
  add: {
    allowed: "an object of columns with SQL expressions of numbers",
    allows: (value) => isExpressions(value),
    optional: true
  },
  apply: {
    allowed: "a function that gives SQL",
    allows: (value) => typeof value === "function",
    optional: true
  }
}

const fields = Object.keys(rules)

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isExpressions = (value: unknown) =>
  isRecord(value) && Object.values(value).every((sql) => typeof sql === "string" && sql.trim() !== "")

const isColumns = (value: unknown): value is Readonly<Record<string, string>> =>
  isRecord(value) && Object.keys(value).length > 0
  && Object.entries(value).every(([name, type]) =>
    /^[a-z][a-z0-9_]{0,59}$/.test(name) && typeof type === "string" && columnType.test(type)
  )

/** A type such as `text`, `numeric(10, 2)` or `text[]`, perhaps not null. */
const columnType = /^[a-z][\w ]*(\([\d, ]+\))?[\w ]*(\[\])?( not null)?$/i

/** Faults of the fields that name columns. */
const columnFaults = (
  definition: Readonly<Record<string, unknown>>,
  columns: Readonly<Record<string, string>>
) => {
  const names = Object.keys(columns)
  const rows = isRecord(definition["rows"]) ? definition["rows"] : {}
  const belongsTo = isRecord(rows["belongsTo"]) ? Object.values(rows["belongsTo"]) : []
  const given = [
    ["key", definition["key"]],
    ["filters", definition["filters"]],
    ["rows", [rows["id"], rows["happenedAt"], ...belongsTo]]
  ] as const
  const unknown = given.flatMap(([field, value]) =>
    (Array.isArray(value) ? value : []).filter((name) => name !== undefined && !names.includes(name))
      .map((name) =>
        `${field} names the column ${shown(name)}, which columns lacks. ${meant(String(name), names)}`
      )
  )
  const standard = names.filter((name) => Object.hasOwn(standardColumns, name)).map((name) =>
    `columns has ${name}, which every read model has already; remove it.`
  )
  const typed = (name: unknown, type: RegExp, allowed: string) =>
    typeof name !== "string" || columns[name] === undefined || type.test(columns[name])
      ? []
      : [`rows names the column ${name} of type ${columns[name]}; allowed is ${allowed}.`]
  const entity = rows["entity"]
  const strange = typeof entity !== "string" || !Array.isArray(definition["types"])
    ? []
    : definition["types"].filter((type) => !String(type).startsWith(`${entity}.`)).map((type) =>
      `rows says that each row is about one ${entity}, and ${
        shown(type)
      } is about something else. Leave rows out: an `
      + "erasure then rebuilds the read model."
    )
  return [
    ...unknown,
    ...standard,
    ...strange,
    ...[rows["id"], ...belongsTo].flatMap((name) => typed(name, /^text\b/i, "text")),
    ...typed(rows["happenedAt"], /^timestamptz\b|^timestamp with time zone\b/i, "timestamptz")
  ]
}

/** Faults of `row`, `add` and `apply`: one way, and an expression for each column. */
const sqlFaults = (
  definition: Readonly<Record<string, unknown>>,
  columns: Readonly<Record<string, string>>
) => {
  const { add = {}, apply, key, row } = definition
  if (apply !== undefined) {
    return row === undefined && definition["add"] === undefined
      ? []
      : ["It has apply, and row or add; allowed is apply alone, or row with an optional add."]
  }
  if (!isRecord(row)) {
    return row === undefined
      ? ["It has neither row nor apply; allowed is one of them."]
      : []
  }
  const summed = isRecord(add) ? Object.keys(add) : []
  const given = [...Object.keys(row), ...summed]
  const names = Object.keys(columns)
  return [
    ...given.filter((name) => !names.includes(name)).map((name) =>
      `row or add has ${name}, which columns lacks. ${meant(name, names)}`
    ),
    ...names.filter((name) => given.filter((one) => one === name).length !== 1).map((name) =>
      `The column ${name} is ${
        given.includes(name) ? "in row and in add" : "neither in row nor in add"
      }; allowed is `
      + "one of them."
    ),
    ...(Array.isArray(key) ? key : []).filter((name) => summed.includes(name)).map((name) =>
      `add has ${name}, which is in key; a key has its expression in row.`
    )
  ]
}

const meant = (name: string, known: ReadonlyArray<string>) => {
  const nearest = nearestOf(name, known)
  return nearest === undefined ? `There are ${known.join(", ")}.` : `Is ${nearest} meant?`
}
