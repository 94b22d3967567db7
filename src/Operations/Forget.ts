import { Effect, Option, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { DeadLetters } from "../DeadLetters.ts"
import { parseId } from "../DeadLetters/Letter.ts"
import { EventLog, ReadFailed } from "../EventLog.ts"
import { readingOf } from "../Forget.ts"
import { remember } from "../Forget/Reminder.ts"
import { forgetRows } from "../Forget/Rows.ts"
import { Target } from "../Forget/Target.ts"
import { Operations } from "../Operations.ts"
import type { Work } from "./Runner.ts"

/** In a plan: the target has no entries any more, and rows that are to go all the same. */
export const rowsOnly = "rows"

/**
 * Removes events for good, with all that was made of them: dead letters first, then the entry in the log, then
 * the rows. Whatever is interrupted, the log's sequence is enough to go on with the rows.
 */
export const make = Effect.gen(function*() {
  const log = yield* EventLog
  const deadLetters = yield* DeadLetters
  const operations = yield* Operations
  const sql = yield* SqlClient

  const removeLetters = Effect.fnUntraced(function*(sequences: ReadonlySet<number>) {
    const letters = (yield* deadLetters.list({})).filter(({ sequence }) => sequences.has(sequence))
    for (const [consumer, own] of Map.groupBy(letters, ({ id }) => parseId(id)?.consumer ?? "")) {
      yield* deadLetters.remove(consumer, own.map(({ id }) => id))
    }
    return letters
  })

  const work: Work = {
    run: Effect.fnUntraced(
      function*(operation, ids) {
        const target = yield* decodeTarget(operation.asked)
        const sequences = ids.map(Number).filter(Number.isSafeInteger)
        const entries = yield* Effect.forEach(sequences, log.get, { concurrency: 16 })
        const events = entries.flatMap(Option.toArray).map(readingOf)
        yield* remember(target, events.flatMap(({ belonging }) => belonging?.own ?? []), operation.at)
        const letters = yield* removeLetters(new Set(sequences))
        yield* Effect.forEach(sequences, log.erase, { concurrency: 16, discard: true })
        const { firstSequence } = yield* log.state
        const known = yield* forgetRows({
          target,
          sequences,
          firstSequence,
          events: events.map(({ belonging, id, sequence, type }) => ({
            id,
            sequence,
            type,
            own: belonging?.own
          }))
        })
        const there = new Set([...events, ...letters].map(({ sequence }) => sequence).concat(...known))
        yield* Effect.forEach(
          ids,
          (id) =>
            operations.record(
              operation.id,
              id,
              id === rowsOnly || there.has(Number(id)) ? "forgotten" : "gone"
            ),
          { concurrency: "unbounded", discard: true }
        )
      },
      Effect.provideService(SqlClient, sql),
      Effect.provideService(EventLog, log),
      Effect.catchTag("SchemaError", ({ message }) => Effect.fail(new ReadFailed({ message })))
    ),
    finish: () => Effect.void
  }
  return work
})

const decodeTarget = (asked: unknown) => Effect.orDie(Schema.decodeUnknownEffect(Target)(asked))
