import { Effect, Option, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { allRows, onlyRow } from "../../Database/Rows.ts"
import { EventLog } from "../../EventLog/EventLog.ts"
import { eventSubject } from "../../EventLog/Names.ts"
import { countIn } from "../../EventLog/Subjects.ts"
import { appliedWithin } from "../Apply/AppliedCounts.ts"
import { setAsideBy } from "../Apply/SetAside.ts"
import type { Projection } from "../Projection.ts"
import { appliedTable } from "../Tables.ts"

/** Number of the stream's entries by outcome, up to a position that a generation of a projection has finished. */
export interface Completeness {
  /** Entries up to the position, quarantined ones included. */
  readonly stream: number
  /** Entries that are not of the projection's types. */
  readonly not_mine: number
  readonly applied: number
  /** Entries with the id of an applied event: 3QPR sent it again after the deduplication window. */
  readonly repeated: number
  /** Entries that are dead letters. */
  readonly dead_letters: number
  /** Entries whose dead letters an operator has discarded. */
  readonly discarded: number
  /** Entries without any of these outcomes; 0 unless something was lost. */
  readonly missing: number
  /** Applied events that the log should hold but does not: 0 unless the log lost entries, null when unknown. */
  readonly unexplained: number | null
}

/**
 * Counts the outcome of every entry up to a position. The durable consumer must have finished everything up to it.
 * The log is counted after the database: while events arrive, `missing` can be briefly too small, but never too
 * large. `unexplained` is null when entries were appended after the position during the count.
 */
export const completeness = Effect.fn("Projector.completeness")(
  function*(projection: Projection, generation: number, durable: string, position: number) {
    const log = yield* EventLog
    const aside = yield* setAsideBy(durable, { after: 0, upTo: position })
    const { firstSequence } = yield* log.state
    const within = { projection, generation, from: firstSequence, to: position }
    const applied = yield* appliedWithin(projection, generation, firstSequence, position)
    const repeated = yield* repeatedWithin(within)
    const dead_letters = yield* withoutApplied(within, aside.letters)
    const discarded = yield* withoutApplied(within, aside.discarded)
    const census = yield* log.census
    const isLevel = position >= census.lastSequence
    const upTo = (all: number, filter?: string) =>
      isLevel
        ? Effect.succeed(all)
        : Effect.map(log.count({ after: position, filter }), (beyond) => Math.max(0, all - beyond))
    const [stream, ofTypes] = yield* Effect.all([
      upTo(countIn(census, ">")),
      Effect.forEach(
        projection.types.map(eventSubject),
        (subject) => upTo(census.subjects[subject] ?? 0, subject),
        { concurrency: "unbounded" }
      )
    ], { concurrency: 2 })
    const mine = ofTypes.reduce((sum, count) => sum + count, 0)
    const difference = mine - applied - repeated - dead_letters - discarded
    return {
      stream,
      not_mine: stream - mine,
      applied,
      repeated,
      dead_letters,
      discarded,
      missing: difference > 0 ? Math.max(0, difference - (yield* stillInLog(within))) : 0,
      unexplained: difference >= 0
        ? 0
        : isLevel || (yield* log.state).lastSequence === census.lastSequence
        ? -difference
        : null
    } satisfies Completeness
  }
)

interface Within {
  readonly projection: Projection
  readonly generation: number
  readonly from: number
  readonly to: number
}

const repeatedWithin = Effect.fnUntraced(function*({ from, generation, projection, to }: Within) {
  const sql = yield* SqlClient
  return yield* count(sql`select count(*)::float8 as count from repeated
    where name = ${projection.name} and generation = ${generation}
      and sequence between ${from}::bigint and ${to}::bigint`)
})

/**
 * Number of these sequences that are within the range and not applied. Erased events count as applied. The join on
 * `abs` reads the table once. Each look-up in its BRIN index would read a large part of it.
 */
export const withoutApplied = Effect.fnUntraced(
  function*({ from, generation, projection, to }: Within, sequences: ReadonlyArray<number>) {
    if (sequences.length === 0) return 0
    const sql = yield* SqlClient
    const applied = sql.literal(appliedTable(projection, generation))
    return yield* count(sql`
      select count(*)::float8 as count
      from jsonb_array_elements_text(${JSON.stringify(sequences)}::text::jsonb) as given,
        lateral (select given::bigint as place) as aside
      where place between ${from}::bigint and ${to}::bigint
        and not exists (select 1 from ${applied} where abs(sequence) = place)`)
  }
)

/** Maximum number of erased events that are looked up in the log. */
const mostErased = 10_000

/**
 * Number of erased events whose entries are still in the log. An erasure removes rows first and can be interrupted.
 */
const stillInLog = Effect.fnUntraced(function*({ from, generation, projection, to }: Within) {
  const sql = yield* SqlClient
  const log = yield* EventLog
  const erased = yield* allErased(
    sql`select -sequence::float8 as sequence from ${sql.literal(appliedTable(projection, generation))}
      where sequence between ${-to}::bigint and ${-from}::bigint order by sequence limit ${mostErased}`
  )
  const entries = yield* Effect.forEach(erased, ({ sequence }) => log.get(sequence), { concurrency: 64 })
  return entries.filter(Option.isSome).length
})

const allErased = allRows(Schema.Struct({ sequence: Schema.Finite }))

const count = (question: Effect.Effect<ReadonlyArray<unknown>, SqlError>) =>
  Effect.map(onlyCount(question), ({ count }) => count)

const onlyCount = onlyRow(Schema.Struct({ count: Schema.Finite }))
