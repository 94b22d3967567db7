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
    /** Maximum batch size. A batch is smaller when fewer events wait. */
    readonly maxBatch: number
    /** Returns one outcome per event, in their order. When it fails, each half of the batch is tried separately. */
    readonly handleBatch: (
      events: ReadonlyArray<ConsumedEvent<T>>,
      context: Signal
    ) => PromiseLike<ReadonlyArray<Outcome | void> | void> | ReadonlyArray<Outcome | void> | void
  }

/** A running consumer. */
export interface Subscribed extends AsyncDisposable {
  /** Waits up to `stopWithin` for running handlers, gives the other events back to the broker, and disconnects. */
  readonly stop: () => Promise<void>
  readonly lag: () => Promise<Lag>
  /** Whether it takes events, and the reason if not. */
  readonly health: () => Promise<Health>
  /** Resolves when it has stopped; rejects with the reason if it ends by itself. */
  readonly ended: Promise<void>
}

/**
 * Runs a durable consumer of the event log. Each event is delivered at least once, and all instances with the same
 * name share the events. When a handler throws, its event is retried. After the last of `retry.delays` it becomes a
 * dead letter. Rejects when an option is invalid or the broker cannot be reached. Writes log lines like those of
 * `serve` to standard error.
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
