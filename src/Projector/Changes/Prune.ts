import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"

/** Number of recorded changes that are kept at most. One record covers the rows of one batch. */
const most = 1_000_000

/** How long recorded changes are kept at most, as an interval of Postgres. */
const oldest = "7 days"

/** Maximum number of records that one statement deletes. */
const part = 10_000

/** Deletes old records of changes. A listener that needs one of them is told to read everything again. */
export const prune = Effect.fn("Changes.prune")(function*() {
  const sql = yield* SqlClient
  let deleted: number
  do {
    const gone = yield* sql`
      delete from changes where position in (
        select position from (select position, at from changes order by position limit ${part}) as first
        where at < clock_timestamp() - ${oldest}::text::interval
          or position <= (select max(position) from changes) - ${most}::bigint
      ) returning position`
    deleted = gone.length
  } while (deleted === part)
})
