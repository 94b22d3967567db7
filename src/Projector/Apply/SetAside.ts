import { Effect, Option, Stream } from "effect"
import { decoder, Outcome } from "../../Domain/Operation.ts"
import { DeadLetters } from "../../EventLog/DeadLetters.ts"
import { parseId } from "../../EventLog/DeadLetters/Letter.ts"
import { entriesOf } from "../../EventLog/Entries.ts"
import { operationStream, operationSubject } from "../../EventLog/Names.ts"
import { makeReader, reading } from "../../EventLog/Reader.ts"
import { managerOf } from "../../Nats/Manager.ts"
import { Nats } from "../../Nats/Nats.ts"
import { countLetters } from "../Rebuild/Letters.ts"

/** The sequences of events that a durable consumer has kept aside. */
export interface SetAside {
  readonly letters: ReadonlyArray<number>
  /** An operator has discarded their dead letters. */
  readonly discarded: ReadonlyArray<number>
}

/** Which events a durable consumer has kept aside. Dead letters first: a discard is recorded before its letter goes. */
export const setAsideBy = Effect.fn("SetAside.setAsideBy")(function*(durable: string) {
  const letters = (yield* countLetters(durable)) === 0
    ? []
    : (yield* (yield* DeadLetters).list({ consumer: durable })).map(({ sequence }) => sequence)
  const there = new Set(letters)
  const discarded = (yield* discardedOf(durable)).filter((sequence) => !there.has(sequence))
  return { letters: [...there], discarded } satisfies SetAside
})

const discardedOf = Effect.fnUntraced(function*(durable: string) {
  const nats = yield* Nats
  const manager = yield* managerOf(nats)
  const { state } = yield* reading(() => manager.streams.info(operationStream, { subjects_filter: records }))
  if (Object.keys(state.subjects ?? {}).length === 0) return []
  const { read } = makeReader(nats, manager, { stream: operationStream })
  const found = yield* Stream.runCollect(entriesOf(read, { after: 0, filter: records }))
  const discarded = found.flatMap(({ body }) =>
    Option.toArray(Option.fromUndefinedOr(parseId(decode(body)?.id ?? "")))
  )
  return [...new Set(discarded.flatMap(({ consumer, sequence }) => consumer === durable ? [sequence] : []))]
})

const records = operationSubject("*", "discarded")

const decode = decoder(Outcome)
