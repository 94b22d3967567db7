import { Effect, Fiber, Option, Semaphore } from "effect"
import type { StreamInfo } from "nats"
import { ReadFailed } from "../EventLog.ts"
import { allDeadSubjects, deadSubjects, earlierDeadSubject } from "../Names.ts"
import { moveEarlier, removeReplaced } from "./EarlierLetters.ts"
import { letterIn, type LetterStream, subjectOf } from "./LetterStream.ts"

type Info = Pick<StreamInfo, "created" | "state">

/**
 * The part of the stream that this process has checked. A process of an earlier version can still add letters after
 * it.
 */
class Checked {
  /** Creation time of the stream. Another time means another stream, whose sequences start again at 1. */
  #created = ""
  #place = 0
  /** Number of messages beyond one per subject that are not letters. */
  #surplus = 0

  /** Whether nothing has changed since the check. */
  covers({ created, state }: Info): boolean {
    const surplus = surplusOf(state)
    if (created !== this.#created || state.last_seq > this.#place || surplus > this.#surplus) return false
    this.#surplus = surplus
    return true
  }

  record(created: string, place: number, surplus = 0): void {
    this.#created = created
    this.#place = place
    this.#surplus = surplus
  }

  /** The checked place in a stream with this creation time; 0 when another stream was checked. */
  placeIn(created: string): number {
    return created === this.#created ? this.#place : 0
  }
}

/** Maximum time a read waits for the letters of an earlier version to be moved. */
const patience = "5 seconds"

export type Settled = Effect.Success<ReturnType<typeof settling>>

/**
 * Brings the stream into the state that reads require: one message for each letter, on the subject of this version.
 * If nothing has changed since the last check, this takes one request.
 */
export const settling = Effect.fnUntraced(function*(letters: LetterStream) {
  const scope = yield* Effect.scope
  const turn = yield* Semaphore.make(1)
  const checked = new Checked()
  const checkedOf = new Map<string, Checked>()

  const settle = Effect.gen(function*() {
    const { created, state } = yield* letters.info
    if (checked.covers({ created, state })) return
    const after = checked.placeIn(created)
    // Letters stored during the move wait for the next call, so that a read ends while events keep failing.
    yield* moveEarlier(letters, { after, upTo: state.last_seq, filter: allDeadSubjects })
    if (surplusOf((yield* letters.info).state) > 0) yield* removeReplaced(letters)
    const { state: settled } = yield* letters.info
    checked.record(created, state.last_seq, surplusOf(settled))
  }).pipe(turn.withPermits(1))

  return {
    settle,
    /**
     * The state of the stream once it is settled. A read fails after `patience`, and the move continues in the
     * background.
     */
    settled: Effect.gen(function*() {
      const info = yield* letters.info
      if (checked.covers(info)) return info.state
      yield* Effect.forkIn(settle, scope, { startImmediately: true }).pipe(
        Effect.flatMap(Fiber.join),
        Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail(stillMoving()) })
      )
      return (yield* letters.info).state
    }),
    /** Moves the earlier letters of a consumer. It reads only letters that this process has not checked. */
    settleConsumer: Effect.fnUntraced(function*(consumer: string) {
      const { created } = yield* letters.info
      const own = checkedOf.get(consumer) ?? new Checked()
      const after = Math.max(checked.placeIn(created), own.placeIn(created))
      const place = yield* moveEarlier(letters, { after, filter: deadSubjects(consumer) })
      if (place > after) {
        own.record(created, place)
        checkedOf.set(consumer, own)
      }
    }),
    settleType: (consumer: string, type: string) => settleType(letters, consumer, type)
  }
})

/** Moves the earlier letters of a consumer and a type. It takes one request if there are none. */
const settleType = Effect.fnUntraced(function*(letters: LetterStream, consumer: string, type: string) {
  const filter = earlierDeadSubject(consumer, type)
  const letter = letterIn(yield* letters.last(filter))
  if (Option.exists(letter, (letter) => subjectOf(letter) !== filter)) {
    yield* moveEarlier(letters, { after: 0, filter })
  }
})

const surplusOf = ({ messages, num_subjects = 0 }: Info["state"]) => messages - num_subjects

const stillMoving = () =>
  new ReadFailed({ message: "the dead letters of an earlier version are being moved; try again in a minute" })
