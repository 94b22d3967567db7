import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { onlyRow } from "../Database/Rows.ts"

/** Maximum number of rows that are counted. Above it, the planner's estimate is used. */
const counted = 10_000

/** Number of rows of a table, in bounded time: exact up to 10,000, an estimate above. */
export const rowsIn = Effect.fn("Projector.rowsIn")(function*(table: string) {
  const sql = yield* SqlClient
  const { rows } = yield* onlyCount(
    sql`select count(*)::int as rows from (select 1 from ${sql.literal(table)} limit ${
      counted + 1
    }) as counted`
  )
  if (rows <= counted) return rows
  const { "QUERY PLAN": [explained] } = yield* onlyPlan(
    sql`explain (format json) select 1 from ${sql.literal(table)}`
  )
  return Math.max(rows, explained.Plan["Plan Rows"])
})

const onlyCount = onlyRow(Schema.Struct({ rows: Schema.Finite }))
const onlyPlan = onlyRow(Schema.Struct({
  "QUERY PLAN": Schema.Tuple([Schema.Struct({ Plan: Schema.Struct({ "Plan Rows": Schema.Finite }) })])
}))
