import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows } from "../Database/Rows.ts"
import { fromStored, toStored } from "../Domain/StoredText.ts"
import { InvalidRequest } from "./Api/Problems.ts"

/** Maximum number of codes with the same name that a problem lists. */
const mostListed = 5

const allIds = allRows(Schema.Struct({ id: Schema.String }))

/**
 * The id of a code that the client names by id, short id or name. Text that matches no known code counts as an id: a
 * scan can name a code that no event has described.
 */
export const codeIdOf = Effect.fn("Admin.codeIdOf")(function*(given: string) {
  const sql = yield* SqlClient
  const stored = toStored(given)
  for (
    const condition of [
      sql`id = ${stored}`,
      sql`short_id = ${stored}`,
      sql`name = ${stored}`,
      sql`lower(name) = lower(${stored})`
    ]
  ) {
    const found = yield* allIds(
      sql`select id from qpr_codes where ${condition} order by created_at desc, id desc limit ${
        mostListed + 1
      }`
    )
    const [only, ...others] = found.map(({ id }) => fromStored(id))
    if (only === undefined) continue
    if (others.length === 0) return only
    const ids = [only, ...others]
    return yield* new InvalidRequest({
      detail: `Several codes match ${JSON.stringify(given)}: ${ids.slice(0, mostListed).join(", ")}${
        ids.length > mostListed ? ", …" : ""
      }. Give the id of one of them.`
    })
  }
  return given
})

/** The same for a value that may be absent. */
export const optionalCodeIdOf = (given: string | undefined) =>
  given === undefined ? Effect.succeed(undefined) : codeIdOf(given)
