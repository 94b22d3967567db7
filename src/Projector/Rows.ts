import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"

/** Up to this many rows are counted; of more, the database knows about how many there are. */
const counted = 10_000

/** The rows of a table, in the same time however many there are: exact up to 10,000, an estimate above. */
export const rowsIn = Effect.fn("Projector.rowsIn")(function*(table: string) {
  const sql = yield* SqlClient
  const [some] = yield* sql<{ readonly rows: number }>`
    select count(*)::int as rows from (select 1 from ${sql.literal(table)} limit ${counted + 1}) as counted`
  const rows = some?.rows ?? 0
  if (rows <= counted) return rows
  const [row] = yield* sql<{ readonly "QUERY PLAN": Explained }>`
    explain (format json) select 1 from ${sql.literal(table)}`
  return Math.max(rows, row?.["QUERY PLAN"][0]?.Plan["Plan Rows"] ?? 0)
})

type Explained = ReadonlyArray<{ readonly Plan: { readonly "Plan Rows": number } }>
