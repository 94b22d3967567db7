import { Effect, Layer, Stream } from "effect"
import { idOf } from "../../EventLog/Delivered.ts"
import { entriesOf } from "../../EventLog/Entries.ts"
import { EventLog } from "../../EventLog/EventLog.ts"
import { makeReader } from "../../EventLog/Reader.ts"
import { managerOf } from "../../Nats/Manager.ts"
import { Nats } from "../../Nats/Nats.ts"
import { messageOf } from "../../Process/Failure.ts"
import { lastingFailure } from "../../Process/LastingFailure.ts"
import { ProcessHealth } from "../../Process/ProcessHealth.ts"
import { eraseEntries } from "./Erase.ts"
import { forgetRepetitions, keepPosition, positionIn, returnedOf } from "./Returned.ts"

/** Interval between two checks. */
const every = "1 second"

/** Number of checks after an erasure in which a projection may still record an entry that it was processing. */
const inHand = 60

/**
 * Number of sequences that are checked again at start and after a reconnect. After a restart, the broker can reuse
 * the sequences of the entries that were removed last.
 */
const reused = 10_000

/**
 * Erases entries that return under the id of an erased one: a delivery repeated after the deduplication window, or
 * after a restart of the broker, at a receiver that does not know the id. It reads only the headers of new entries,
 * and only once an id has been erased.
 */
export const layer = Layer.effectDiscard(Effect.gen(function*() {
  const vitals = yield* ProcessHealth
  const failure = yield* lastingFailure
  const { onErased, remove } = repetitions()
  const eraseNew = yield* makeEraseNew(onErased)
  const step = eraseNew.pipe(
    Effect.andThen(remove),
    Effect.andThen(failure.succeeded),
    Effect.catch((error) => failure.failed(`erasing later deliveries is delayed: ${messageOf(error)}`))
  )
  yield* vitals.watch("erasure", failure.fault)
  yield* vitals.run("erasure", Effect.forever(Effect.andThen(step, Effect.sleep(every))))
}))

type OnErased = (sequences: ReadonlyArray<number>) => void

/** Removes what a projection records about an entry after its erasure, for as long as it may be processing it. */
const repetitions = () => {
  const recent: Array<{ readonly sequences: ReadonlyArray<number>; left: number }> = []
  const onErased: OnErased = (sequences) => void recent.push({ sequences, left: inHand })
  const remove = Effect.gen(function*() {
    for (const [at, one] of recent.entries()) {
      yield* forgetRepetitions(one.sequences)
      if (--one.left <= 0) recent.splice(at, 1)
    }
  })
  return { onErased, remove }
}

/** Makes the effect that checks the entries stored since its last complete run. */
const makeEraseNew = Effect.fnUntraced(function*(onErased: OnErased) {
  const log = yield* EventLog
  const nats = yield* Nats
  const { read } = makeReader(nats, yield* managerOf(nats), { headersOnly: true })
  // Last sequence of the log at the last complete check.
  let looked: number | undefined
  let connections = 0
  yield* nats.onChange(() => {
    connections++
    looked = undefined
  })
  return Effect.gen(function*() {
    const connection = connections
    const { created, lastSequence } = yield* log.state
    if (lastSequence === looked) return
    const position = yield* positionIn(created)
    if (position === undefined) return
    const after = Math.max(0, position.sequence - (looked === undefined ? reused : 0))
    yield* Stream.runForEachArray(
      entriesOf(read, { after }),
      Effect.fnUntraced(function*(page) {
        const entries = page.map((entry) => ({ id: idOf(entry), sequence: entry.sequence }))
        yield* eraseReturned(yield* returnedOf(entries), onErased)
        const last = entries.at(-1)
        if (last !== undefined) yield* keepPosition({ log: created, sequence: last.sequence })
      })
    )
    if (connection === connections) looked = lastSequence
  })
})

const eraseReturned = Effect.fnUntraced(function*(sequences: ReadonlyArray<number>, onErased: OnErased) {
  if (sequences.length === 0) return
  yield* eraseEntries(sequences, () => Effect.void)
  onErased(sequences)
  yield* Effect.logInfo(`erased later deliveries of erased events, at ${sequences.join(", ")}`)
})
