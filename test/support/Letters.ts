import { Effect, Stream } from "effect"
import { DeadLetters } from "../../src/EventLog/DeadLetters.ts"
import type { LetterFilter } from "../../src/EventLog/DeadLetters/Filter.ts"

/** All matching dead letters, the last failure first. */
export const lettersOf = (filter: LetterFilter = {}) =>
  Effect.flatMap(
    DeadLetters,
    ({ all }) => Effect.map(Stream.runCollect(all(filter)), (letters) => letters.toReversed())
  )
