import { Effect } from "effect"
import { deadLetterStream, deadSubjects } from "../../EventLog/Names.ts"
import { reading } from "../../EventLog/Reader.ts"
import { managerOf } from "../../Nats/Manager.ts"
import { Nats } from "../../Nats/Nats.ts"

/** Removes a durable consumer's dead letters. The events stay in the log, and another generation handles them. */
export const dropLetters = Effect.fn("Letters.drop")(function*(durable: string) {
  const manager = yield* Effect.flatMap(Nats, managerOf)
  yield* reading(() => manager.streams.purge(deadLetterStream, { filter: deadSubjects(durable) }))
})
