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
interface Checked {
  /** Creation time of the stream. Another time means another stream, whose sequences start again at 1. */
  readonly created: string
  readonly place: number
  /** Number of messages beyond one per subject that are not letters. */
  readonly surplus: number
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
  const checkedOf = new Map<string, Pick<Checked, "created" | "place">>()
  let checked: Checked = { created: "", place: 0, surplus: 0 }

  const isSettled = ({ created, state }: Info) => {
    const surplus = surplusOf(state)
    if (created !== checked.created || state.last_seq > checked.place || surplus > checked.surplus) {
      return false
    }
    checked = { ...checked, surplus }
    return true
  }

  const settle = Effect.gen(function*() {
    const { created, state } = yield* letters.info
    if (isSettled({ created, state })) return
    const after = placeIn(created, checked)
    // Letters stored during the move wait for the next call, so that a read ends while events keep failing.
    yield* moveEarlier(letters, { after, upTo: state.last_seq, filter: allDeadSubjects })
    if (surplusOf((yield* letters.info).state) > 0) yield* removeReplaced(letters)
    const { state: settled } = yield* letters.info
    checked = { created, place: state.last_seq, surplus: surplusOf(settled) }
  }).pipe(turn.withPermits(1))

  return {
    settle,
    /**
     * The state of the stream once it is settled. A read fails after `patience`, and the move continues in the
     * background.
     */
    settled: Effect.gen(function*() {
      const info = yield* letters.info
      if (isSettled(info)) return info.state
      yield* Effect.forkIn(settle, scope, { startImmediately: true }).pipe(
        Effect.flatMap(Fiber.join),
        Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail(stillMoving()) })
      )
      return (yield* letters.info).state
    }),
    /** Moves the earlier letters of a consumer. It reads only letters that this process has not checked. */
    settleConsumer: Effect.fnUntraced(function*(consumer: string) {
      const { created } = yield* letters.info
      const after = Math.max(placeIn(created, checked), placeIn(created, checkedOf.get(consumer)))
      const place = yield* moveEarlier(letters, { after, filter: deadSubjects(consumer) })
      if (place > after) checkedOf.set(consumer, { created, place })
    }),
    /** Moves the earlier letters of a consumer and a type. It takes one request if there are none. */
    settleType: Effect.fnUntraced(function*(consumer: string, type: string) {
      const filter = earlierDeadSubject(consumer, type)
      const letter = letterIn(yield* letters.last(filter))
      if (Option.exists(letter, (letter) => subjectOf(letter) !== filter)) {
        yield* moveEarlier(letters, { after: 0, filter })
      }
    })
  }
})

/** The checked place in a stream with this creation time; 0 when another stream was checked. */
const placeIn = (created: string, checked: Pick<Checked, "created" | "place"> | undefined) =>
  checked?.created === created ? checked.place : 0

const surplusOf = ({ messages, num_subjects = 0 }: Info["state"]) => messages - num_subjects

const stillMoving = () =>
  new ReadFailed({ message: "the dead letters of an earlier version are being moved; try again in a minute" })
