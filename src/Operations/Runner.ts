import { Clock, Effect, Layer, Option, Schedule } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import * as Durable from "../Consumer/Durable.ts"
import type { Message } from "../Consumer/Message.ts"
import type { AppendFailed, ReadFailed } from "../EventLog.ts"
import { operationStream } from "../EventLog/Topology.ts"
import { Nats } from "../Nats.ts"
import { type Operation, Operations } from "../Operations.ts"
import { Vitals } from "../Vitals.ts"
import * as Discard from "./Discard.ts"
import * as Forget from "./Forget.ts"
import { type Kind, operationOf, operationSubject, type Outcome } from "./Record.ts"
import * as Redrive from "./Redrive.ts"
import * as Release from "./Release.ts"

/** What an operation of one kind does with its events. */
export interface Work {
  /** Safe to do again for ids of which no outcome is recorded. */
  readonly run: (
    operation: Operation,
    ids: ReadonlyArray<string>
  ) => Effect.Effect<void, AppendFailed | ReadFailed | SqlError>
  /** Does what comes after the record of an outcome, in case that we were interrupted before it. */
  readonly finish: (outcomes: ReadonlyArray<Outcome>) => Effect.Effect<void, AppendFailed | ReadFailed>
}

/**
 * Runs operations, each in one process at a time and at its rate. One whose process ended goes on in
 * another, or at the next start, with the events that it has not reached.
 */
export const layer = Layer.effectDiscard(Effect.gen(function*() {
  const nats = yield* Nats
  const vitals = yield* Vitals
  const manager = yield* Effect.promise(() => nats.connection.jetstreamManager({ checkAPI: false }))
  const work: Record<Kind, Work> = {
    redrive: yield* Redrive.make,
    discard: yield* Discard.make,
    "quarantine-redrive": yield* Release.make,
    forget: yield* Forget.make
  }
  const scope = yield* Effect.scope
  const operations = yield* Operations
  yield* vitals.run(
    "operations",
    Durable.run(nats, manager, {
      stream: operationStream,
      durable: "runner",
      filter: operationSubject("*", "started"),
      maxBatch: 4,
      ackWait,
      pause: Effect.void,
      handle: (messages) =>
        Effect.forEach(
          messages,
          (message) =>
            perform(message, operations, work).pipe(Effect.forkIn(scope, { startImmediately: true })),
          {
            discard: true
          }
        )
    })
  )
}))

/** After so long without a sign of its process another takes an operation over, in milliseconds. */
const ackWait = 15_000

const perform = (message: Message, operations: Operations["Service"], work: Record<Kind, Work>) => {
  const id = operationOf(message.msg.subject)
  const alive = Effect.sync(() => message.working()).pipe(
    Effect.repeat(Schedule.spaced("4 seconds")),
    Effect.andThen(Effect.never)
  )
  return Effect.gen(function*() {
    const operation = yield* standing(operations, id)
    if (operation === undefined) return message.term()
    const { finish, run } = work[operation.kind]
    const outcomes = yield* orRetry(operations.allOutcomes(id))
    yield* orRetry(finish(outcomes))
    const ended = new Set(outcomes.map(({ id }) => id))
    const ids = (yield* orRetry(operations.planned(id))).filter((id) => !ended.has(id))
    const size = Math.max(1, Math.round(operation.rate * tick / 1_000))
    const began = yield* Clock.currentTimeMillis
    let looked = 0
    for (let at = 0; at < ids.length; at += size) {
      const due = began + at / operation.rate * 1_000
      yield* Effect.sleep(Math.max(0, due - (yield* Clock.currentTimeMillis)))
      const now = yield* Clock.currentTimeMillis
      if (now - looked >= lookEvery) {
        looked = now
        if ((yield* standing(operations, id))?.cancelled) break
      }
      yield* orRetry(run(operation, ids.slice(at, at + size)))
    }
    if ((yield* standing(operations, id))?.cancelled) yield* orRetry(operations.withdraw(id))
    message.ack()
  }).pipe(
    Effect.raceFirst(alive),
    Effect.onInterrupt(() => Effect.sync(() => message.nak(0)))
  )
}

const standing = (operations: Operations["Service"], id: string) =>
  Effect.map(orRetry(operations.find(id)), Option.getOrUndefined)

/** How much time one step stands for, and how often to look whether we are cancelled, in milliseconds. */
const tick = 100
const lookEvery = 500

const orRetry = <A, E extends { readonly message: string }>(effect: Effect.Effect<A, E>) =>
  effect.pipe(
    Effect.tapError(({ message }) => Effect.logWarning(`an operation waits: ${message}`)),
    Effect.retry(Schedule.spaced("1 second")),
    Effect.orDie
  )
