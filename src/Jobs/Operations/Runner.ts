import { Effect, Layer, Option, Schedule } from "effect"
import * as Durable from "../../Consumer/Durable.ts"
import type { Kind } from "../../Domain/Operation.ts"
import { operationOf, operationStream, operationSubject } from "../../EventLog/Names.ts"
import { Operations } from "../../EventLog/Operations.ts"
import { managerOf } from "../../Nats/Manager.ts"
import type { Message } from "../../Nats/Message.ts"
import { Nats } from "../../Nats/Nats.ts"
import { monotonicMillis } from "../../Process/Monotonic.ts"
import { ProcessHealth } from "../../Process/ProcessHealth.ts"
import * as Discard from "./Discard.ts"
import * as Forget from "./EraseEntity.ts"
import * as Redrive from "./Redrive.ts"
import * as Release from "./Release.ts"
import type { Work } from "./Work.ts"

/**
 * Runs operations, each in one process at a time and at its own rate. If the process ends, the operation continues in
 * another process or at the next start, with the remaining events.
 */
export const layer = Layer.effectDiscard(Effect.gen(function*() {
  const nats = yield* Nats
  const vitals = yield* ProcessHealth
  const manager = yield* managerOf(nats)
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

/** Time without a sign of life after which another process takes over an operation, in milliseconds. */
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
    const { finish, more, run } = work[operation.kind]
    const outcomes = yield* orRetry(operations.allOutcomes(id))
    yield* orRetry(finish(outcomes))
    const ended = new Set(outcomes.map(({ id }) => id))
    const planned = new Set(yield* orRetry(operations.planned(id)))
    // Either a process ended after it had extended the plan and before it recorded that, or the plan contains an id
    // twice.
    if (planned.size !== operation.requested) yield* orRetry(operations.extend(operation, planned.size, []))
    const ids = [...planned].filter((id) => !ended.has(id))
    const size = Math.max(1, Math.round(operation.rate * tick / 1_000))
    const began = yield* monotonicMillis
    let looked = began
    for (let at = 0; at < ids.length; at += size) {
      yield* Effect.sleep(Math.max(0, began + at / operation.rate * 1_000 - (yield* monotonicMillis)))
      if ((yield* monotonicMillis) - looked >= lookEvery) {
        looked = yield* monotonicMillis
        if ((yield* standing(operations, id))?.cancelled) break
      }
      const results = yield* orRetry(run(operation, ids.slice(at, at + size)))
      if (more !== undefined && at + size >= ids.length) {
        const later = yield* orRetry(more(operation, planned))
        if (later.length > 0) yield* orRetry(operations.extend(operation, planned.size, later))
        for (const id of later) planned.add(id)
        ids.push(...later)
      }
      yield* orRetry(
        Effect.forEach(results, ({ id: one, result }) => operations.record(id, one, result), {
          concurrency: "unbounded",
          discard: true
        })
      )
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

/** Duration of one step, and interval between checks for cancellation, in milliseconds. */
const tick = 100
const lookEvery = 500

const orRetry = <A, E extends { readonly message: string }>(effect: Effect.Effect<A, E>) =>
  effect.pipe(
    Effect.tapError(({ message }) => Effect.logWarning(`an operation is delayed: ${message}`)),
    Effect.retry(Schedule.spaced("1 second")),
    Effect.orDie
  )
