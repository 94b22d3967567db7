import { Effect, Option } from "effect"
import { managerOf } from "../../Nats/Manager.ts"
import { Nats } from "../../Nats/Nats.ts"
import { erase } from "../Erase.ts"
import type { LoggedEntry, ReadFailed } from "../EventLog.ts"
import { deadLetterStream, deadSubject } from "../Names.ts"
import { makePublisher } from "../Publisher.ts"
import { entryAt, firstBehind, lastOf, makeReader, reading } from "../Reader.ts"
import { type DeadLetter, letterOf } from "./Letter.ts"

/** Access to the dead-letter stream. Pages are read without bodies. */
export type LetterStream = Effect.Success<typeof letterStream>

export const letterStream = Effect.gen(function*() {
  const nats = yield* Nats
  const manager = yield* managerOf(nats)
  const publish = yield* makePublisher(deadLetterStream)
  const { count, first, read } = makeReader(nats, manager, { stream: deadLetterStream, headersOnly: true })
  const remove = (place: number) => erase(manager, deadLetterStream, place)

  /** Removes the messages of a subject with a sequence lower than `place`, oldest first. */
  const removeBefore = (subject: string, place: number): Effect.Effect<void, ReadFailed> =>
    Effect.flatMap(
      firstBehind(manager, deadLetterStream, { after: 0, filter: subject }),
      (entry) =>
        Option.isSome(entry) && entry.value.sequence < place
          ? Effect.andThen(remove(entry.value.sequence), removeBefore(subject, place))
          : Effect.void
    )

  // All messages of a subject or wildcard, in stream order: one request for each message, and one for the end.
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
    /** Maximum size of one message in bytes. */
    room: () => nats.connection.info?.max_payload ?? 1_048_576,
    entryAt: (place: number) => entryAt(manager, deadLetterStream, place),
    /** The last message of a subject or a wildcard. */
    last: (subject: string) => lastOf(manager, deadLetterStream, subject),
    /** Number of messages by subject. */
    subjects: Effect.map(
      reading(() => manager.streams.info(deadLetterStream, { subjects_filter: ">" })),
      ({ state }) => state.subjects ?? {}
    ),
    info: reading(() => manager.streams.info(deadLetterStream))
  }
})

/** The subject of a letter in this version. */
export const subjectOf = (letter: DeadLetter) => deadSubject(letter)

/** Keeps the newest message of each letter. An older message may not have been removed yet. */
export const newestOfEach = (letters: ReadonlyArray<DeadLetter>) => {
  const newest = new Map(letters.map((letter) => [subjectOf(letter), letter.place]))
  return letters.filter((letter) => newest.get(subjectOf(letter)) === letter.place)
}

/** The letter of a message, or none if another program published the message. */
export const letterIn = Option.flatMapNullishOr(letterOf)
