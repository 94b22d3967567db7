import type { Health } from "../EventLog/EventLog.ts"
import type { Outcome } from "./Outcome.ts"
import { attempt, type Broker, open, run, type Signal } from "./Subscribe/Session.ts"
import { type Lag, type Settings, start } from "./UserConsumer.ts"
import type { ConsumedEvent } from "./UserConsumer/ConsumedEvent.ts"
import { type Handling, isBatched } from "./UserConsumer/Handler.ts"
import { check } from "./UserConsumer/Invalid.ts"

/** Handles an event, or several at once. An event is done unless the handler returns another outcome for it. */
export type AsyncHandling<T extends string> =
  | {
    readonly handle: (
      event: ConsumedEvent<T>,
      context: Signal
    ) => PromiseLike<Outcome | void> | Outcome | void
  }
  | {
    /** The most events of a batch. A batch is smaller when fewer events wait. */
    readonly maxBatch: number
    /** One outcome for each event, in their order. When it fails, halves of the batch are tried by themselves. */
    readonly handleBatch: (
      events: ReadonlyArray<ConsumedEvent<T>>,
      context: Signal
    ) => PromiseLike<ReadonlyArray<Outcome | void> | void> | ReadonlyArray<Outcome | void> | void
  }

/** A consumer that runs. */
export interface Subscribed extends AsyncDisposable {
  /** Finishes what has begun, within `stopWithin`, gives the rest back, and disconnects. */
  readonly stop: () => Promise<void>
  readonly lag: () => Promise<Lag>
  /** Whether it takes events, and if not, why. */
  readonly health: () => Promise<Health>
  /** Resolves when it has stopped; rejects with the reason if it ends by itself. */
  readonly ended: Promise<void>
}

/**
 * Runs a durable consumer of the event log: each event at least once, shared by all instances of the same name.
 * A handler that throws has its event tried again, and kept as a dead letter after the last of `retry.delays`.
 * Rejects when an option is wrong or the broker cannot be reached. Its log lines are those of `serve`, on standard error.
 */
export const subscribe = async <const T extends string = string>(
  options: Broker & Settings<T> & AsyncHandling<T>
): Promise<Subscribed> => {
  await run(check(options))
  const { isStopped, running, stop } = await open(options, start({ ...options, ...handlingOf(options) }))
  return {
    stop,
    lag: () => run(running.lag),
    health: () => run(running.health),
    ended: run(running.ended).catch((error: unknown) => {
      if (!isStopped()) throw error
      return stop()
    }),
    [Symbol.asyncDispose]: stop
  }
}

const handlingOf = <T extends string>(options: AsyncHandling<T>): Handling<T, unknown, never> =>
  isBatched(options)
    ? {
      maxBatch: options.maxBatch,
      handleBatch: (events) => attempt((signal) => options.handleBatch(events, { signal }))
    }
    : { handle: (event) => attempt((signal) => options.handle(event, { signal })) }
