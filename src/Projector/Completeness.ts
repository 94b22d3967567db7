import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { type Census, EventLog, eventSubject } from "../EventLog.ts"
import { durableName, type Projection } from "../Projection.ts"
import { appliedWithin } from "./AppliedCounts.ts"
import { countLetters } from "./Letters.ts"

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
 * Accounts for every entry up to a position, at which the durable consumer has nothing unfinished, by
 * counting: the entries of a census, which may go further. While events come in or dead letters lie beyond
 * the position, `missing` can be too small for a moment, and never too large.
 */
export const completeness = Effect.fn("Projector.completeness")(
  function*(projection: Projection, generation: number, position: number, census: Census) {
    const log = yield* EventLog
    const sql = yield* SqlClient
    const { entries, firstSequence, lastSequence, subjects } = census
    const upTo = (all: number, filter?: string) =>
      position >= lastSequence
        ? Effect.succeed(all)
        : Effect.map(log.count({ after: position, filter }), (beyond) => Math.max(0, all - beyond))
    const [stream, ofTypes] = yield* Effect.all([
      upTo(entries),
      Effect.forEach(projection.types.map(eventSubject), (subject) => upTo(subjects[subject] ?? 0, subject), {
        concurrency: "unbounded"
      })
    ], { concurrency: 2 })
    const mine = ofTypes.reduce((sum, count) => sum + count, 0)
    const applied = yield* appliedWithin(projection, generation, firstSequence, position)
    const [{ repeated } = { repeated: 0 }] = yield* sql<{ readonly repeated: number }>`
      select count(*)::float8 as repeated from repeated
      where name = ${projection.name} and generation = ${generation}
        and sequence between ${firstSequence}::bigint and ${position}::bigint`
    const dead_letters = yield* countLetters(durableName(projection.name, generation))
    const missing = Math.max(0, mine - applied - repeated - dead_letters)
    return { stream, not_mine: stream - mine, applied, repeated, dead_letters, missing }
  }
)
