import { Effect, Queue } from "effect"
import { NatsError } from "nats"
import { stream } from "../../EventLog/Names.ts"
import { managerOf } from "../../Nats/Manager.ts"
import type { Nats } from "../../Nats/Nats.ts"
import { messageOf } from "../../Process/Failure.ts"
import { olderLogRemedy } from "../OlderLog.ts"

/**
 * Interval at which the durable consumer is compared with the log, and the delay after a failed comparison, in
 * milliseconds.
 */
const compareEvery = 10_000
const again = 1_000

/**
 * Compares a durable consumer with the log, at the start, after each reconnect and at intervals. The broker skips new
 * events for a durable consumer that is ahead of the log's end, and does not report it. The consumer stays refused
 * until it is created again, because it cannot be known later which events were skipped.
 */
export const durableGuard = Effect.fnUntraced(function*(nats: Nats["Service"], durable: string) {
  const manager = yield* managerOf(nats)
  const nudges = yield* Queue.sliding<void>(1)
  let refused: { readonly created: string; readonly reason: string } | undefined
  let isCompared = false

  const isFine = () => isCompared && refused === undefined

  const compare = Effect.tryPromise({
    try: () => Promise.all([manager.consumers.info(stream, durable), manager.streams.info(stream)]),
    catch: (error) => error
  }).pipe(
    Effect.flatMap(([{ created, delivered }, { state }]) => {
      isCompared = true
      if (refused !== undefined && refused.created !== created) refused = undefined
      // A durable consumer may start after the end of the log, so only what it has received is compared.
      const received = delivered.consumer_seq === 0 ? 0 : delivered.stream_seq
      if (refused !== undefined || received <= state.last_seq) return Effect.void
      refused = { created, reason: reasonOf(durable, received, state.last_seq) }
      return Effect.logError(refused.reason)
    }),
    Effect.as(compareEvery),
    Effect.catch((error) => {
      if (!(error instanceof NatsError && error.isPermissionError())) return Effect.succeed(again)
      isCompared = true
      return Effect.as(Effect.logWarning(notPermitted(durable, error)), Infinity)
    })
  )

  yield* nats.onChange((connected) => void (connected && Queue.offerUnsafe(nudges, undefined)))
  return {
    /** Compares until the scope ends. Start it when the durable consumer exists. */
    run: Effect.gen(function*() {
      while (true) {
        const wait = yield* compare
        if (wait === Infinity) return
        yield* Effect.raceFirst(Effect.sleep(wait), Queue.take(nudges))
      }
    }),
    /** Waits until events may be handled. */
    pause: Effect.repeat(Effect.suspend(() => isFine() ? Effect.void : Effect.sleep("50 millis")), {
      until: () => isFine()
    }).pipe(Effect.asVoid),
    reason: () => refused?.reason
  }
})

const reasonOf = (durable: string, delivered: number, last: number) =>
  `the durable consumer ${durable} has received events up to sequence ${delivered}, but the event log ends at ${last}: `
  + `the stream was restored from an older copy. ${olderLogRemedy}`

const notPermitted = (durable: string, error: NatsError) =>
  `${durable}: without permission to publish to $JS.API.STREAM.INFO.${stream}, the consumer does not detect that the `
  + `log was restored from an older copy: ${messageOf(error)}`
