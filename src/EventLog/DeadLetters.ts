import { Context, DateTime, Effect, Layer, Option, Stream } from "effect"
import type { JetStreamManager } from "nats"
import { Buffer } from "node:buffer"
import { millisOf } from "../Domain/Timestamp.ts"
import { managerOf } from "../Nats/Manager.ts"
import { Nats } from "../Nats/Nats.ts"
import { type DeadLetter, headersOf, letterOf, parseId } from "./DeadLetters/Letter.ts"
import { letterPlaces } from "./DeadLetters/Places.ts"
import type { Delivered } from "./Delivered.ts"
import { entriesOf } from "./Entries.ts"
import { erase } from "./Erase.ts"
import type { AppendFailed, ReadFailed, Stored } from "./EventLog.ts"
import { deadLetterStream, deadSubject, deadSubjects } from "./Names.ts"
import { makePublisher } from "./Publisher.ts"
import { entryAt, makeReader, reading } from "./Reader.ts"

/** Which dead letters: those that fit everything that is given. */
export interface LetterFilter {
  readonly consumer?: string | undefined
  readonly type?: string | undefined
  /** A part of the error, in any case. */
  readonly error?: string | undefined
  /** ISO 8601, of the last failure: this time or later. */
  readonly since?: string | undefined
  /** ISO 8601, of the last failure: before this time. */
  readonly until?: string | undefined
}

/** Events that one consumer can never handle, kept aside with the error, in a stream of their own. */
export class DeadLetters extends Context.Service<DeadLetters, {
  /**
   * Keeps an event aside for a consumer, with its bytes and headers. There is one dead letter for a
   * consumer and a sequence: a further failure keeps the time of the first and counts one attempt more.
   */
  readonly put: (
    consumer: string,
    event: Delivered,
    error: string,
    /** The one that there is, when that is known. */
    known?: DeadLetter
  ) => Effect.Effect<Stored, AppendFailed | ReadFailed>
  /** Those that fit, the last failure first. */
  readonly list: (filter: LetterFilter) => Effect.Effect<ReadonlyArray<DeadLetter>, ReadFailed>
  /** One by its id, `<consumer>:<sequence>`. */
  readonly find: (id: string) => Effect.Effect<Option.Option<DeadLetter>, ReadFailed>
  /** The bytes of the event that it was made of; none when it is no longer there. */
  readonly bodyOf: (letter: DeadLetter) => Effect.Effect<Option.Option<Uint8Array>, ReadFailed>
  /** Removes a consumer's dead letters with these ids. */
  readonly remove: (consumer: string, ids: ReadonlyArray<string>) => Effect.Effect<void, ReadFailed>
  /** How many there are. */
  readonly count: Effect.Effect<number, ReadFailed>
}>()("threeqpr-events/DeadLetters") {
  static readonly layer = Layer.effect(DeadLetters, Effect.suspend(() => make()))
}

const make = Effect.fnUntraced(function*() {
  const nats = yield* Nats
  const publish = yield* makePublisher(deadLetterStream)
  const manager = yield* managerOf(nats)
  const { first, read } = makeReader(nats, manager, { stream: deadLetterStream, headersOnly: true })
  const places = letterPlaces({ manager, read, first })

  /** All that is kept, oldest first, without the bytes. */
  const all = (filter?: string) =>
    Effect.map(
      Stream.runCollect(entriesOf(read, { after: 0, filter })),
      (entries) => entries.flatMap((entry) => letterOf(entry) ?? [])
    )

  const put = Effect.fn("DeadLetters.put")(function*(
    consumer: string,
    event: Delivered,
    error: string,
    known?: DeadLetter
  ) {
    const now = DateTime.formatIso(yield* DateTime.now)
    const same = known === undefined ? yield* places.of(consumer, event.sequence) : [known]
    const before = same.at(-1)
    yield* Effect.logError(
      `event ${event.id} (sequence ${event.sequence}) is a dead letter of ${consumer}: ${error}`
    )
    const headers = [
      ...event.headers.filter(([name]) => !name.startsWith("Nats-")),
      ...headersOf({
        consumer,
        sequence: event.sequence,
        eventId: event.id,
        type: event.type,
        receivedAt: event.receivedAt,
        subject: event.subject,
        attempts: before === undefined ? event.deliveries : before.attempts + 1,
        firstFailedAt: before?.firstFailedAt ?? now,
        lastFailedAt: now
      })
    ]
    const room = (nats.connection.info?.max_payload ?? 1_048_576) - event.body.length - sizeOf(headers)
    const stored = yield* publish({
      subject: deadSubject(consumer, event.type),
      headers: [...headers, ["3qpr-dead-error", asHeader(error, room)]],
      body: event.body
    })
    places.stored(consumer, event.sequence, stored.sequence)
    yield* removeAll(manager, same)
    places.only(consumer, event.sequence, stored.sequence)
    return stored
  })

  const list = Effect.fn("DeadLetters.list")(function*(filter: LetterFilter) {
    const letters = yield* all(filter.consumer === undefined ? undefined : deadSubjects(filter.consumer))
    return newestOfEach(letters).filter((letter) => fits(letter, filter)).toReversed()
  })

  return DeadLetters.of({
    put,
    list,
    find: Effect.fnUntraced(function*(id) {
      const consumer = parseId(id)?.consumer
      const letters = consumer === undefined ? [] : yield* all(deadSubjects(consumer))
      return Option.fromUndefinedOr(letters.findLast((letter) => letter.id === id))
    }),
    bodyOf: ({ id, place }) =>
      Effect.map(
        entryAt(manager, deadLetterStream, place),
        Option.flatMap((entry) => letterOf(entry)?.id === id ? Option.some(entry.body) : Option.none())
      ),
    remove: Effect.fnUntraced(function*(consumer, ids) {
      const named = new Set(ids)
      yield* removeAll(manager, (yield* all(deadSubjects(consumer))).filter(({ id }) => named.has(id)))
    }),
    count: Effect.map(reading(() => manager.streams.info(deadLetterStream)), ({ state }) => state.messages)
  })
})

const removeAll = (manager: JetStreamManager, letters: ReadonlyArray<DeadLetter>) =>
  Effect.forEach(letters, ({ place }) => erase(manager, deadLetterStream, place), { discard: true })

// Another failure may have been stored when the one before is not removed yet.
const newestOfEach = (letters: ReadonlyArray<DeadLetter>) => {
  const newest = new Map(letters.map(({ id, place }) => [id, place]))
  return letters.filter(({ id, place }) => newest.get(id) === place)
}

const fits = (letter: DeadLetter, { error, since, type, until }: LetterFilter) =>
  (type === undefined || letter.type === type)
  && (error === undefined || letter.error.toLowerCase().includes(error.toLowerCase()))
  && (since === undefined || Date.parse(letter.lastFailedAt) >= millisOf(since))
  && (until === undefined || Date.parse(letter.lastFailedAt) < millisOf(until))

const sizeOf = (headers: ReadonlyArray<readonly [string, string]>) =>
  headers.reduce((bytes, [name, value]) => bytes + name.length + Buffer.byteLength(value) + 4, 64)

// A header is one line of bounded length, written as UTF-8; with the event it has to fit in one message.
const asHeader = (text: string, room: number) =>
  Buffer.from(text.replace(/[\s\p{Cc}]+/gu, " ").trim()).subarray(0, Math.min(2_000, Math.max(0, room)))
    .toString("utf8").replace(/\uFFFD$/, "")
