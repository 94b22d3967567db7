import { Effect, Layer, Option, Schedule } from "effect"
import * as Durable from "../../Consumer/Durable.ts"
import type { Kind } from "../../Domain/Operation.ts"
import { operationOf, operationStream, operationSubject } from "../../EventLog/Names.ts"
import { Operations } from "../../EventLog/Operations.ts"
import { managerOf } from "../../Nats/Manager.ts"
import type { Message } from "../../Nats/Message.ts"
import { Nats } from "../../Nats/Nats.ts"
import { messageOf } from "../../Process/Failure.ts"
import { type LastingFailure, lastingFailure } from "../../Process/LastingFailure.ts"
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
  const failures = new Map<string, LastingFailure>()
  yield* vitals.watch(
    "operations",
    Effect.suspend(() => Effect.forEach([...failures.values()], ({ fault }) => fault)).pipe(
      Effect.map((faults) => faults.find((fault) => fault !== undefined))
    )
  )
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
            perform(message, operations, work, failures).pipe(
              Effect.forkIn(scope, { startImmediately: true })
            ),
          {
            discard: true
          }
        )
    })
  )
}))

/** Time without a sign of life after which another process takes over an operation, in milliseconds. */
const ackWait = 15_000

/** Performs the operation of a message. While it lasts, the broker gives it to no other process. */
const perform = (
  message: Message,
  operations: Operations["Service"],
  work: Record<Kind, Work>,
  failures: Map<string, LastingFailure>
) => {
  const id = operationOf(message.msg.subject)
  const alive = Effect.sync(() => message.working()).pipe(
    Effect.repeat(Schedule.spaced("4 seconds")),
    Effect.andThen(Effect.never)
  )
  return Effect.gen(function*() {
    const failure = yield* lastingFailure
    failures.set(id, failure)
    const isKnown = yield* carryOut(id, operations, work, retrying(id, failure))
    return isKnown ? message.ack() : message.term()
  }).pipe(
    Effect.raceFirst(alive),
    Effect.tapDefect((defect) =>
      Effect.logError(`operation ${id} failed and is repeated after 15 seconds: ${messageOf(defect)}`)
    ),
    Effect.onInterrupt(() => Effect.sync(() => message.nak(0))),
    Effect.ensuring(Effect.sync(() => void failures.delete(id)))
  )
}

/** Carries out an operation until it has ended. False when there is none with this id. */
const carryOut = Effect.fnUntraced(
  function*(id: string, operations: Operations["Service"], work: Record<Kind, Work>, orRetry: Retrying) {
    const standing = Effect.map(orRetry(operations.find(id)), Option.getOrUndefined)
    const operation = yield* standing
    if (operation === undefined) return false
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
        if ((yield* standing)?.cancelled) break
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
    if ((yield* standing)?.cancelled) yield* orRetry(operations.withdraw(id))
    return true
  }
)

/** Duration of one step, and interval between checks for cancellation, in milliseconds. */
const tick = 100
const lookEvery = 500

/** Repeats a step until it succeeds. It is a fault of the process when the step keeps failing. */
const retrying =
  (id: string, failure: LastingFailure) =>
  <A, E extends { readonly message: string }>(step: Effect.Effect<A, E>) =>
    step.pipe(
      Effect.tapError((error) => failure.failed(`operation ${id} is delayed: ${messageOf(error)}`)),
      Effect.retry(Schedule.spaced("1 second")),
      Effect.tap(failure.succeeded),
      Effect.orDie
    )

type Retrying = ReturnType<typeof retrying>
