import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { needsOperator } from "../Database/SqlFailure.ts"
import { appliedTable } from "./Tables.ts"

/** The sequence of an event that a projection has applied; undefined when none has. */
export const sequenceOf = Effect.fn("Applied.sequenceOf")(
  function*(eventId: string) {
    const sql = yield* SqlClient
    const live = yield* sql<{ readonly name: string; readonly generation: number }>`
      select name, generation from projections order by name`
    for (const { generation, name } of live) {
      const [found] = yield* sql<{ readonly sequence: number }>`
        select sequence::float8 as sequence from ${sql.literal(appliedTable({ name }, generation))}
        where event_id = ${eventId}`
      if (found) return found.sequence
    }
  },
  // A generation that we have just read of may be dropped by now: then another is live.
  Effect.retry({ while: needsOperator, times: 2 })
)
