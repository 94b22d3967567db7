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

/** A request for a page of dead letters. */
export interface PageOptions extends LetterFilter {
  /** Only letters before this sequence, the cursor of the previous page. */
  readonly before?: number | undefined
  readonly limit: number
}

/** A page of dead letters, last failure first. */
export interface LetterPage {
  readonly letters: ReadonlyArray<DeadLetter>
  /** Number of matching letters on all pages. Undefined if counting would require reading all of them. */
  readonly total: number | undefined
  readonly cursor: number
  /** Whether there are letters after the cursor. If the filter must read letters, it may match none of them. */
  readonly more: boolean
}

/** Events that a consumer cannot handle, kept with the error in a separate stream. */
export class DeadLetters extends Context.Service<DeadLetters, {
  /**
   * Stores an event as a dead letter of a consumer, with its bytes and headers. There is one dead letter for each
   * consumer and event. A further failure keeps the time of the first failure and adds one attempt.
   */
  readonly put: (
    consumer: string,
    event: Delivered,
    error: string,
    /** The existing letter, if the caller has already read it. */
    known?: DeadLetter
  ) => Effect.Effect<Stored, AppendFailed | ReadFailed>
  /**
   * A page of matching letters, last failure first. If the filter must read letters, a page ends at the latest once
   * `mostLookedAt` of them have been read.
   */
  readonly page: (options: PageOptions) => Effect.Effect<LetterPage, ReadFailed>
  /** All matching letters, oldest failure first, read in pages. Events that fail after the call are not included. */
  readonly all: (filter: LetterFilter) => Stream.Stream<DeadLetter, ReadFailed>
  /** The dead letters of all consumers for an event, by its id or sequence. */
  readonly of: (
    key: Pick<DeadLetterKey, "eventId" | "sequence">
  ) => Effect.Effect<ReadonlyArray<DeadLetter>, ReadFailed>
  /** Finds a letter by its id, `<consumer>:<sequence>`. */
  readonly find: (id: string) => Effect.Effect<Option.Option<DeadLetter>, ReadFailed>
  /** The body of the letter's event. None if the letter no longer exists. */
  readonly bodyOf: (letter: DeadLetter) => Effect.Effect<Option.Option<Uint8Array>, ReadFailed>
  /** Removes the dead letters of these events, even if their sequences have changed. */
  readonly remove: (letters: ReadonlyArray<DeadLetter>) => Effect.Effect<void, ReadFailed>
  /** Number of dead letters. */
  readonly count: Effect.Effect<number, ReadFailed>
  /** Number of dead letters of a consumer. */
  readonly countOf: (consumer: string) => Effect.Effect<number, ReadFailed>
}>()("threeqpr-events/DeadLetters") {
  static readonly layer = Layer.effect(DeadLetters, Effect.suspend(() => make(false)))
  /** Moves the letters of earlier versions at start, not only on the first read. */
  static readonly layerMoving = Layer.effect(DeadLetters, Effect.suspend(() => make(true)))
}

/** Number of letters that a page reads at most if its filter must read them. */
export const mostLookedAt = 10_000

/** Maximum number of letters in one read. */
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
    find: find(letters, settleConsumer),
    bodyOf: bodyOf(letters),
    remove: remove(letters, settleType),
    count: Effect.map(letters.info, ({ state }) => state.messages),
    countOf: (consumer) => letters.count({ after: 0, filter: deadSubjects(consumer) })
  })
})

const find = (letters: LetterStream, settleConsumer: Settled["settleConsumer"]) =>
  Effect.fn("DeadLetters.find")(function*(id: string) {
    const key = parseId(id)
    if (key === undefined) return Option.none()
    const found = Effect.map(
      letters.last(deadSubject(key)),
      (entry) => Option.filter(letterIn(entry), (letter) => letter.id === id)
    )
    const letter = yield* found
    return Option.isSome(letter) ? letter : yield* Effect.andThen(settleConsumer(key.consumer), found)
  })

const bodyOf = (letters: LetterStream) =>
  Effect.fnUntraced(function*(letter: DeadLetter) {
    const bodyIn = Option.flatMap((entry: LoggedEntry) =>
      letterOf(entry)?.id === letter.id ? Option.some(entry.body) : Option.none()
    )
    const body = bodyIn(yield* letters.last(subjectOf(letter)))
    return Option.isSome(body) ? body : bodyIn(yield* letters.entryAt(letter.place))
  })

const remove = (letters: LetterStream, settleType: Settled["settleType"]) =>
  Effect.fn("DeadLetters.remove")((removed: ReadonlyArray<DeadLetter>) =>
    Effect.forEach(
      removed,
      (letter) =>
        Effect.andThen(
          settleType(letter.consumer, letter.type),
          letters.removeBefore(subjectOf(letter), Infinity)
        ),
      { concurrency: 8, discard: true }
    )
  )

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

/** Reads windows from the end, as the event list does. */
const page = (letters: LetterStream, settled: Settled["settled"]) =>
  Effect.fn("DeadLetters.page")(function*({ before = Infinity, limit, ...filter }: PageOptions) {
    const sifts = readsLetters(filter)
    const { first_seq, last_seq } = yield* settled
    // `first_seq` is 0 if the stream never had a message.
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
