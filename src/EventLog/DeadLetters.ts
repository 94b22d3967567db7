import { Context, DateTime, Effect, Layer, Option, Schedule, Stream } from "effect"
import { fits, type LetterFilter, readsLetters, subjectsOf } from "./DeadLetters/Filter.ts"
import { type DeadLetter, headersOf, letterOf, parseId } from "./DeadLetters/Letter.ts"
import {
  letterIn,
  type LetterStream,
  letterStream,
  newestOfEach,
  subjectOf
} from "./DeadLetters/LetterStream.ts"
import { type Settled, settling } from "./DeadLetters/Settled.ts"
import type { Delivered } from "./Delivered.ts"
import { entriesOf } from "./Entries.ts"
import type { AppendFailed, LoggedEntry, ReadFailed, Stored } from "./EventLog.ts"
import { type DeadLetterKey, deadSubject, deadSubjects } from "./Names.ts"
import { newest } from "./Newest.ts"

/** A page of dead letters. */
export interface PageOptions extends LetterFilter {
  /** Only letters before this place, the cursor of the page before. */
  readonly before?: number | undefined
  readonly limit: number
}

/** Some dead letters, the last failure first. */
export interface LetterPage {
  readonly letters: ReadonlyArray<DeadLetter>
  /** How many letters fit, on all pages; undefined when only reading all of them could tell. */
  readonly total: number | undefined
  readonly cursor: number
  /** Whether there are letters behind the cursor. With a filter that has to read them, perhaps none of them fits. */
  readonly more: boolean
}

/** Events that one consumer can never handle, kept aside with the error, in a stream of their own. */
export class DeadLetters extends Context.Service<DeadLetters, {
  /**
   * Keeps an event aside for a consumer, with its bytes and headers. There is one dead letter for a consumer and an
   * event: a further failure keeps the time of the first and counts one attempt more.
   */
  readonly put: (
    consumer: string,
    event: Delivered,
    error: string,
    /** The letter that there is, when the caller has read it. */
    known?: DeadLetter
  ) => Effect.Effect<Stored, AppendFailed | ReadFailed>
  /**
   * Some of those that fit, the last failure first. When the filter has to read letters, a page ends after
   * `mostLookedAt` of them at the latest.
   */
  readonly page: (options: PageOptions) => Effect.Effect<LetterPage, ReadFailed>
  /** All that fit, the oldest failure first, read in pages. Events that fail later are not in it. */
  readonly all: (filter: LetterFilter) => Stream.Stream<DeadLetter, ReadFailed>
  /** The dead letters of events by their ids or sequences, of all consumers. */
  readonly of: (
    key: Pick<DeadLetterKey, "eventId" | "sequence">
  ) => Effect.Effect<ReadonlyArray<DeadLetter>, ReadFailed>
  /** One by its id, `<consumer>:<sequence>`. */
  readonly find: (id: string) => Effect.Effect<Option.Option<DeadLetter>, ReadFailed>
  /** The bytes of the event that it was made of; none when it is no longer there. */
  readonly bodyOf: (letter: DeadLetter) => Effect.Effect<Option.Option<Uint8Array>, ReadFailed>
  /** Removes the dead letters of these events, whatever their place is by now. */
  readonly remove: (letters: ReadonlyArray<DeadLetter>) => Effect.Effect<void, ReadFailed>
  /** How many there are. */
  readonly count: Effect.Effect<number, ReadFailed>
  /** How many a consumer has. */
  readonly countOf: (consumer: string) => Effect.Effect<number, ReadFailed>
}>()("threeqpr-events/DeadLetters") {
  static readonly layer = Layer.effect(DeadLetters, Effect.suspend(() => make(false)))
  /** Moves the letters of earlier versions at once, not only when they are read. */
  static readonly layerMoving = Layer.effect(DeadLetters, Effect.suspend(() => make(true)))
}

/** How many letters a page looks at when its filter has to read them. */
export const mostLookedAt = 10_000

/** How many of these are read at a time. */
const window = 1_000

const make = Effect.fnUntraced(function*(moves: boolean) {
  const letters = yield* letterStream
  const { settle, settleConsumer, settled, settleType } = yield* settling(letters)
  if (moves) {
    yield* settle.pipe(
      Effect.tapError(({ message }) =>
        Effect.logWarning(`dead letters of earlier versions are not moved yet: ${message}`)
      ),
      Effect.retry(Schedule.spaced("30 seconds")),
      Effect.forkScoped
    )
  }

  const find = Effect.fn("DeadLetters.find")(function*(id: string) {
    const key = parseId(id)
    if (key === undefined) return Option.none()
    const found = Effect.map(
      letters.last(deadSubject(key)),
      (entry) => Option.filter(letterIn(entry), (letter) => letter.id === id)
    )
    const letter = yield* found
    return Option.isSome(letter) ? letter : yield* Effect.andThen(settleConsumer(key.consumer), found)
  })

  return DeadLetters.of({
    put: put(letters, settleType),
    page: page(letters, settled),
    all: (filter) =>
      Stream.unwrap(
        Effect.map(settled, ({ last_seq }) =>
          entriesOf(letters.read, { after: 0, upTo: last_seq, filter: subjectsOf(filter) }))
      ).pipe(
        Stream.map(letterOf),
        Stream.filter((letter) =>
          letter !== undefined
        ),
        Stream.filter((letter) => fits(letter, filter))
      ),
    of: Effect.fn("DeadLetters.of")(function*(key) {
      if ((yield* settled).messages === 0) return []
      const found = yield* letters.each(deadSubject(key))
      return newestOfEach(found.flatMap((entry) => letterOf(entry) ?? []))
        .filter(({ eventId, sequence }) =>
          eventId === (key.eventId ?? eventId) && sequence === (key.sequence ?? sequence)
        )
    }),
    find,
    bodyOf: Effect.fnUntraced(function*(letter) {
      const bodyIn = Option.flatMap((entry: LoggedEntry) =>
        letterOf(entry)?.id === letter.id ? Option.some(entry.body) : Option.none()
      )
      const body = bodyIn(yield* letters.last(subjectOf(letter)))
      return Option.isSome(body) ? body : bodyIn(yield* letters.entryAt(letter.place))
    }),
    remove: Effect.fn("DeadLetters.remove")((removed) =>
      Effect.forEach(
        removed,
        (letter) =>
          Effect.andThen(
            settleType(letter.consumer, letter.type),
            letters.removeBefore(subjectOf(letter), Infinity)
          ),
        { concurrency: 8, discard: true }
      )
    ),
    count: Effect.map(letters.info, ({ state }) => state.messages),
    countOf: (consumer) => letters.count({ after: 0, filter: deadSubjects(consumer) })
  })
})

const put = (letters: LetterStream, settleType: Settled["settleType"]) =>
  Effect.fn("DeadLetters.put")(function*(
    consumer: string,
    event: Delivered,
    error: string,
    known?: DeadLetter
  ) {
    const now = DateTime.formatIso(yield* DateTime.now)
    const subject = deadSubject({ consumer, sequence: event.sequence, eventId: event.id, type: event.type })
    const before = known ?? Option.getOrUndefined(
      letterIn(yield* Effect.andThen(settleType(consumer, event.type), letters.last(subject)))
    )
    yield* Effect.logError(
      `event ${event.id} (sequence ${event.sequence}) is a dead letter of ${consumer}: ${error}`
    )
    const headers = headersOf(
      event.headers.filter(([name]) => !name.startsWith("Nats-")),
      {
        consumer,
        sequence: event.sequence,
        eventId: event.id,
        type: event.type,
        receivedAt: event.receivedAt,
        subject: event.subject,
        attempts: before === undefined ? event.deliveries : before.attempts + 1,
        firstFailedAt: before?.firstFailedAt ?? now,
        lastFailedAt: now,
        error
      },
      letters.room() - event.body.length
    )
    const stored = yield* letters.publish({ subject, headers, body: event.body })
    if (before !== undefined) yield* letters.removeBefore(subject, stored.sequence)
    return stored
  })

/** Reads from the end in windows, as the list of events does. */
const page = (letters: LetterStream, settled: Settled["settled"]) =>
  Effect.fn("DeadLetters.page")(function*({ before = Infinity, limit, ...filter }: PageOptions) {
    const sifts = readsLetters(filter)
    const { first_seq, last_seq } = yield* settled
    // 0 when the stream never had a message.
    const from = Math.max(1, first_seq)
    const fitting: Array<DeadLetter> = []
    let cursor = Math.min(before, last_seq + 1)
    let more = true
    for (let looked = 0; more && fitting.length < limit && looked < mostLookedAt;) {
      const wanted = limit - fitting.length
      const found = yield* newest(letters, {
        from,
        before: cursor,
        limit: sifts ? window : wanted,
        filter: subjectsOf(filter)
      })
      const fit = found.entries.flatMap((entry) => letterOf(entry) ?? []).filter((letter) =>
        fits(letter, filter)
      )
      const last = fit[wanted - 1]
      fitting.push(...fit.slice(0, wanted))
      looked += found.entries.length
      more = found.more || fit.length > wanted
      cursor = fit.length > wanted && last !== undefined ? last.place : found.cursor
    }
    const total = before === Infinity && !more
      ? fitting.length
      : sifts
      ? undefined
      : yield* letters.count({ after: 0, filter: subjectsOf(filter) })
    return { letters: fitting, total, cursor, more } satisfies LetterPage
  })
