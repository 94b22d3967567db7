import { Effect } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import { type Origin, type Projection, removeFrom } from "../Projection.ts"
import { tableColumns } from "./Check.ts"
import type { Definition } from "./Definition.ts"
import { eventsSource, hashOf, marks, partsOf, statementsOf } from "./Statements.ts"

const inProgram: Origin = { place: "the program", placeOf: () => undefined }

/** The projection of a correct definition. */
export const compile = (definition: Definition, origin: Origin = inProgram): Projection => {
  const { columns, filters = [], indexes = [], key, name, rows, types, version } = definition
  const statements = statementsOf(definition)
  const happenedAt = rows?.happenedAt
  return {
    name,
    version,
    types,
    tables: {
      [name]: {
        key,
        columns: tableColumns(definition),
        indexes: [
          ...new Set([
            "event_id",
            ...filters.filter((filter) => filter !== key[0]),
            ...rows === undefined || rows.id === key[0] ? [] : [rows.id],
            ...happenedAt === undefined ? [] : [happenedAt],
            ...indexes
          ])
        ]
      }
    },
    ...rows === undefined ? {} : {
      rows: {
        table: name,
        entity: rows.entity,
        id: rows.id,
        belongsTo: Object.fromEntries(
          Object.entries(rows.belongsTo ?? {}).flatMap(([parent, column]) =>
            column === undefined ? [] : [[parent, column]]
          )
        ),
        ...happenedAt === undefined ? {} : { happenedAt },
        remove: removeFrom(name)
      }
    },
    apply: (sql, table, { rows }) =>
      Effect.forEach(statements, (statement) => filled(sql, statement, table(name), rows), { discard: true }),
    own: { hash: hashOf(definition), statements, columns, filters, origin }
  }
}

/** A statement of a definition for one table and one batch. */
export const filled = (sql: SqlClient, statement: string, table: Fragment, rows: Fragment) =>
  partsOf(statement).reduce(
    (before, part) =>
      sql`${before}${
        part === marks.table ? table : part === marks.events ? eventsOf(sql, rows) : sql.literal(part)
      }`,
    sql``
  )

const [beforeRows = "", afterRows = ""] = eventsSource("⟦rows⟧").split("⟦rows⟧")

const eventsOf = (sql: SqlClient, rows: Fragment) =>
  sql`${sql.literal(beforeRows)}${rows}${sql.literal(afterRows)}`
