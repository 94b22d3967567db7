import { Effect } from "effect"
import { deadLetterStream, deadSubjects } from "../../EventLog/Names.ts"
import { reading } from "../../EventLog/Reader.ts"
import { managerOf } from "../../Nats/Manager.ts"
import { Nats } from "../../Nats/Nats.ts"

/** How many dead letters a durable consumer has. */
export const countLetters = Effect.fn("Letters.count")(function*(durable: string) {
  const manager = yield* managing
  const { state } = yield* reading(() =>
    manager.streams.info(deadLetterStream, { subjects_filter: deadSubjects(durable) })
  )
  return Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0)
})

/** Removes a durable consumer's dead letters: the events are in the log, and another generation judges them. */
export const dropLetters = Effect.fn("Letters.drop")(function*(durable: string) {
  const manager = yield* managing
  yield* reading(() => manager.streams.purge(deadLetterStream, { filter: deadSubjects(durable) }))
})

const managing = Effect.flatMap(Nats, managerOf)
