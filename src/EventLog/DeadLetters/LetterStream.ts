import { Effect, Option } from "effect"
import { managerOf } from "../../Nats/Manager.ts"
import { Nats } from "../../Nats/Nats.ts"
import { erase } from "../Erase.ts"
import type { LoggedEntry, ReadFailed } from "../EventLog.ts"
import { deadLetterStream, deadSubject } from "../Names.ts"
import { makePublisher } from "../Publisher.ts"
import { entryAt, firstBehind, lastOf, makeReader, reading } from "../Reader.ts"
import { type DeadLetter, letterOf } from "./Letter.ts"

/** Access to the stream of dead letters. Pages are read without the bodies. */
export type LetterStream = Effect.Success<typeof letterStream>

export const letterStream = Effect.gen(function*() {
  const nats = yield* Nats
  const manager = yield* managerOf(nats)
  const publish = yield* makePublisher(deadLetterStream)
  const { count, first, read } = makeReader(nats, manager, { stream: deadLetterStream, headersOnly: true })
  const remove = (place: number) => erase(manager, deadLetterStream, place)

  /** Removes what is under a subject and before a place, the oldest first. */
  const removeBefore = (subject: string, place: number): Effect.Effect<void, ReadFailed> =>
    Effect.flatMap(
      firstBehind(manager, deadLetterStream, { after: 0, filter: subject }),
      (entry) =>
        Option.isSome(entry) && entry.value.sequence < place
          ? Effect.andThen(remove(entry.value.sequence), removeBefore(subject, place))
          : Effect.void
    )

  /** The messages of a subject that few messages have, in their order: one request for each, and one for the end. */
  const each = (filter: string, after = 0): Effect.Effect<ReadonlyArray<LoggedEntry>, ReadFailed> =>
    Effect.flatMap(
      firstBehind(manager, deadLetterStream, { after, filter }),
      Option.match({
        onNone: () => Effect.succeed([]),
        onSome: (entry) => Effect.map(each(filter, entry.sequence), (others) => [entry, ...others])
      })
    )

  return {
    each,
    read,
    first,
    count,
    publish,
    remove,
    removeBefore,
    /** The most that one message may hold, in bytes. */
    room: () => nats.connection.info?.max_payload ?? 1_048_576,
    entryAt: (place: number) => entryAt(manager, deadLetterStream, place),
    /** The last message of a subject or a wildcard. */
    last: (subject: string) => lastOf(manager, deadLetterStream, subject),
    /** How many messages there are by subject. */
    subjects: Effect.map(
      reading(() => manager.streams.info(deadLetterStream, { subjects_filter: ">" })),
      ({ state }) => state.subjects ?? {}
    ),
    info: reading(() => manager.streams.info(deadLetterStream))
  }
})

/** The subject that a letter has in this version. */
export const subjectOf = (letter: DeadLetter) => deadSubject(letter)

/** Of several messages of one letter the last one: one before may not be removed yet. */
export const newestOfEach = (letters: ReadonlyArray<DeadLetter>) => {
  const newest = new Map(letters.map((letter) => [subjectOf(letter), letter.place]))
  return letters.filter((letter) => newest.get(subjectOf(letter)) === letter.place)
}

/** The letter of a message; none for a message of another program. */
export const letterIn = Option.flatMapNullishOr(letterOf)
