import { Effect, Option } from "effect"
import { DeadLetters } from "../../EventLog/DeadLetters.ts"
import { EventLog } from "../../EventLog/EventLog.ts"
import { type Read, readingOf } from "../Erasure.ts"
import { forgetRows } from "./ErasedRows.ts"
import { keepErased } from "./Returned.ts"

/**
 * Erases entries and everything that was made from them. The read models are cleared first, so that the events are
 * never applied again. Then the dead letters are removed, and last the entries in the log. After an interruption, the
 * remaining entries show what is still to be erased, and no read model has a row of a removed event. `before`
 * receives the facts about the entries, and runs before anything is erased. Returns the sequences at which something
 * was found.
 */
export const eraseEntries = Effect.fn("Forget.eraseEntries")(function*<E, R>(
  sequences: ReadonlyArray<number>,
  before: (events: ReadonlyArray<Read>) => Effect.Effect<void, E, R>
) {
  const log = yield* EventLog
  const deadLetters = yield* DeadLetters
  const entries = yield* Effect.forEach(sequences, log.get, { concurrency: 16 })
  const events = entries.flatMap(Option.toArray).map(readingOf)
  const letters = (yield* Effect.forEach(sequences, (sequence) =>
    deadLetters.of({ sequence }), { concurrency: 16 }))
    .flat()
  const lettersOnly = letters.filter(({ sequence }) => !events.some((event) => event.sequence === sequence))
    .map(({ eventId, sequence, type }) => ({ id: eventId, sequence, type }))
  yield* before(events)
  yield* keepErased([...events, ...lettersOnly])
  const known = yield* forgetRows({
    sequences,
    events: [
      ...events.map(({ belonging, id, sequence, type }) => ({ id, sequence, type, own: belonging?.own })),
      ...lettersOnly.map((letter) => ({ ...letter, own: undefined }))
    ]
  })
  yield* deadLetters.remove(letters)
  yield* Effect.forEach(sequences, log.erase, { concurrency: 16, discard: true })
  return new Set([...events, ...letters].map(({ sequence }) => sequence).concat(...known))
})
