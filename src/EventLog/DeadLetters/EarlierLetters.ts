import { Effect, Option, Stream } from "effect"
import { entriesOf, type Range } from "../Entries.ts"
import { ReadFailed } from "../EventLog.ts"
import { type DeadLetter, headersOf, letterOf, sizeOf } from "./Letter.ts"
import { letterIn, type LetterStream, subjectOf } from "./LetterStream.ts"

/**
 * Moves the letters of earlier versions to the subjects of this version. Earlier versions used one subject for each
 * consumer and type. Each letter is published before the earlier message is removed, so an interruption loses none.
 * Returns the sequence of the last message that was read.
 */
export const moveEarlier = Effect.fn("DeadLetters.moveEarlier")(
  function*(letters: LetterStream, part: Range) {
    let looked = part.after
    let moved = 0
    yield* Stream.runForEach(entriesOf(letters.read, part), (entry) =>
      Effect.gen(function*() {
        const letter = letterOf(entry)
        if (letter !== undefined && entry.subject !== subjectOf(letter)) {
          yield* Effect.catchTag(move(letters, letter), "AppendFailed", ({ message }) =>
            Effect.fail(
              new ReadFailed({ message: `cannot move a dead letter of an earlier version: ${message}` })
            ))
          moved++
        }
        looked = entry.sequence
      }))
    if (moved > 0) {
      yield* Effect.logInfo(
        `moved ${moved} dead letters of an earlier version to the subjects of this version`
      )
    }
    return looked
  }
)

/**
 * Moves one letter. If its event has failed again since, the later failure is kept, with the earliest first failure
 * and the higher number of attempts.
 */
const move = Effect.fnUntraced(function*(letters: LetterStream, earlier: DeadLetter) {
  const entry = Option.getOrUndefined(yield* letters.entryAt(earlier.place))
  if (entry === undefined) return
  const subject = subjectOf(earlier)
  const present = Option.getOrUndefined(letterIn(yield* letters.last(subject)))
  const letter = present === undefined ? earlier : together(earlier, present)
  if (!isSame(letter, present)) {
    const stored = yield* publish(letters, subject, letter, entry.body)
    if (!stored.duplicate) yield* letters.removeBefore(subject, stored.sequence)
  }
  yield* letters.remove(earlier.place)
})

const publish = (letters: LetterStream, subject: string, letter: DeadLetter, body: Uint8Array) => {
  const event = Object.entries(letter.headers)
  const room = letters.room() - body.length
  // The id deduplicates the letter when another process moves it at the same time.
  const id = ["Nats-Msg-Id", `moved:${letter.id}:${letter.attempts}:${letter.lastFailedAt}`] as const
  const named = headersOf([...event, id], letter, room)
  const headers = sizeOf(named) <= room ? named : headersOf(event, letter, room)
  return letters.publish({ subject, headers, body })
}

const together = (one: DeadLetter, other: DeadLetter): DeadLetter => ({
  ...(one.lastFailedAt > other.lastFailedAt ? one : other),
  attempts: Math.max(one.attempts, other.attempts),
  firstFailedAt: one.firstFailedAt < other.firstFailedAt ? one.firstFailedAt : other.firstFailedAt
})

const isSame = (letter: DeadLetter, present: DeadLetter | undefined) =>
  present !== undefined && letter.attempts === present.attempts
  && letter.firstFailedAt === present.firstFailedAt && letter.lastFailedAt === present.lastFailedAt

/** Removes the letters that a later failure of the same event replaced, if the process ended before it removed them. */
export const removeReplaced = Effect.fn("DeadLetters.removeReplaced")(function*(letters: LetterStream) {
  for (const [subject, count] of Object.entries(yield* letters.subjects)) {
    if (count < 2) continue
    const letter = letterIn(yield* letters.last(subject))
    if (Option.isSome(letter) && subjectOf(letter.value) === subject) {
      yield* letters.removeBefore(subject, letter.value.place)
    }
  }
})
