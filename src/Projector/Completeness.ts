import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { EventLog, eventSubject } from "../EventLog.ts"
import { durableName, type Projection } from "../Projection.ts"
import { countLetters } from "./Letters.ts"
import { appliedTable } from "./Tables.ts"

/** What became of the entries of the stream up to a position that a generation of a projection is through with. */
export interface Completeness {
  /** Entries up to the position, quarantined ones included. */
  readonly stream: number
  /** Entries that are not of the projection's types. */
  readonly not_mine: number
  readonly applied: number
  /** Entries with the id of one that was applied: 3QPR sent it again after the dedup window. */
  readonly repeated: number
  readonly dead_letters: number
  /** Entries that should be in one of the others; 0 unless something was lost. */
  readonly missing: number
}

/**
 * Accounts for every entry up to the position at which the durable consumer has nothing unfinished, by
 * counting. Dead letters are counted whole, so that `missing` can be too small while some lie beyond it.
 */
export const completeness = Effect.fn("Projector.completeness")(
  function*(projection: Projection, generation: number, position: number) {
    const log = yield* EventLog
    const sql = yield* SqlClient
    const { firstSequence } = yield* log.state
    const upTo = Effect.fnUntraced(function*(filter?: string) {
      const all = yield* log.count({ after: 0, filter })
      return all - (yield* log.count({ after: position, filter }))
    })
    const stream = yield* upTo()
    const mine = (yield* Effect.forEach(projection.types, (type) => upTo(eventSubject(type))))
      .reduce((sum, count) => sum + count, 0)
    const within = sql`sequence between ${firstSequence}::bigint and ${position}::bigint`
    const [{ applied, repeated } = { applied: 0, repeated: 0 }] = yield* sql<Counts>`
      select (select count(*) from ${sql.literal(appliedTable(projection, generation))}
          where ${within})::float8 as applied,
        (select count(*) from repeated where name = ${projection.name} and generation = ${generation}
          and ${within})::float8 as repeated`
    const dead_letters = yield* countLetters(durableName(projection.name, generation))
    const missing = Math.max(0, mine - applied - repeated - dead_letters)
    return { stream, not_mine: stream - mine, applied, repeated, dead_letters, missing }
  }
)

interface Counts {
  readonly applied: number
  readonly repeated: number
}
