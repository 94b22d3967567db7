import { Cause, Effect, Exit } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { bisect, type Fault } from "../../Consumer/Bisect.ts"
import { ack, deadLetter, type Outcome, retryAfter } from "../../Consumer/Outcome.ts"
import { isCausedByData } from "../../Database/SqlFailure.ts"
import { decodeDelivery } from "../../Domain/Decode.ts"
import type { Delivered } from "../../EventLog/Delivered.ts"
import { EventLog, ReadFailed } from "../../EventLog/EventLog.ts"
import { messageOf } from "../../Process/Failure.ts"
import { batches } from "../../Process/Metrics.ts"
import { monotonicMillis } from "../../Process/Monotonic.ts"
import type { Projection } from "../Projection.ts"
import { noteFailure, noteSuccess, retryDelay, type Trouble } from "../Trouble.ts"
import { applyInOrder, NotNow } from "./Batch.ts"
import type { BatchSize } from "./BatchSize.ts"
import type { Decoded } from "./Decoded.ts"

/**
 * Timeout of a batch. A database that does not answer for this long counts as unreachable, even with an open
 * connection.
 */
export const batchTimeout = "90 seconds"

/** Applies batches to one generation and returns the outcome of each event. */
export const batchOutcomes = Effect.fnUntraced(
  function*(projection: Projection, generation: number, size: BatchSize, trouble: Trouble) {
    const apply = yield* applying(projection, generation, size)

    /** Applies all events. Fails when one of them can never be applied. */
    const settle = (
      events: ReadonlyArray<Decoded>
    ): Effect.Effect<ReadonlyArray<Outcome>, Fault<Decoded, Outcome>> =>
      Effect.flatMap(apply(events), (exit) => {
        if (Exit.isSuccess(exit)) {
          noteSuccess(trouble)
          return Effect.succeed(events.map(() => ack))
        }
        // The process is stopping. Another instance, or the next start, gets these events at once.
        if (Cause.hasInterruptsOnly(exit.cause)) return Effect.succeed(events.map(() => retryAfter(0)))
        if (isNotNow(exit.cause)) return Effect.succeed(events.map(() => retryAfter(1_000)))
        if (!isCausedByData(exit.cause)) {
          return Effect.map(
            noteFailure(trouble, projection.name, messageOf(exit.cause)),
            () => events.map(() => retryAfter(retryDelay(trouble)))
          )
        }
        return Effect.fail(() => Effect.succeed(deadLetter(messageOf(exit.cause))))
      })

    return Effect.fnUntraced(function*(batch: ReadonlyArray<Delivered>) {
      const decoded = batch.map((event) => decode(projection, event))
      const applicable = decoded.filter((event) => "json" in event)
      const settled = applicable.length === 0 ? [] : yield* bisect(applicable, settle)
      const outcomes = new Map(applicable.map((event, at) => [event, settled[at]]))
      return decoded.map((event) => "json" in event ? outcomes.get(event) ?? retryAfter(1_000) : event)
    })
  }
)

/** Applies events in one transaction and measures it. */
const applying = Effect.fnUntraced(function*(projection: Projection, generation: number, size: BatchSize) {
  const sql = yield* SqlClient
  const log = yield* EventLog
  const count = batches(projection.name)
  return Effect.fnUntraced(function*(events: ReadonlyArray<Decoded>) {
    const began = yield* monotonicMillis
    const exit = yield* applyInOrder(projection, generation, events).pipe(
      Effect.provideService(SqlClient, sql),
      Effect.provideService(EventLog, log),
      Effect.timeout(batchTimeout),
      Effect.interruptible,
      Effect.exit
    )
    const millis = (yield* monotonicMillis) - began
    count.took(millis)
    size.took(events.length, millis)
    if (Exit.isSuccess(exit)) count.committed(events.length)
    return exit
  })
})

const isNotNow = (cause: Cause.Cause<unknown>) =>
  cause.reasons.some((reason) =>
    Cause.isFailReason(reason) && (reason.error instanceof NotNow || reason.error instanceof ReadFailed)
  )

const decode = (projection: Projection, event: Delivered): Decoded | Outcome => {
  if (!projection.types.includes(event.type)) return ack
  const reading = decodeDelivery(event.body)
  return reading._tag === "Event"
    ? { event, json: reading.text }
    : deadLetter(`${reading.reason}: ${reading.detail}`)
}
