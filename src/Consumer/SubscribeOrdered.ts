import type { Health } from "../EventLog/EventLog.ts"
import { type Lag, type Settings, start } from "./OrderedGroup.ts"
import type { Turn } from "./OrderedGroup/Fence.ts"
import type { Handling } from "./OrderedGroup/Handler.ts"
import type { Keyed } from "./OrderedGroup/Waiting.ts"
import type { Outcome } from "./Outcome.ts"
import { attempt, type Broker, open, run, type Signal } from "./Subscribe/Session.ts"
import type { ConsumedEvent } from "./UserConsumer/ConsumedEvent.ts"
import { checkOrdered } from "./UserConsumer/Invalid.ts"

type Rules<T extends string> = Pick<Handling<T, unknown, never>, "onFailure" | "progressWithin" | "retry">

/** A running member of an ordered group. */
export interface SubscribedOrdered extends AsyncDisposable {
  /** Waits up to `stopWithin` for running handlers, releases its partitions to the other members, and disconnects. */
  readonly stop: () => Promise<void>
  readonly lag: () => Promise<Lag>
  /** Whether it handles events, and the reason if not. */
  readonly health: () => Promise<Health>
  /** The partitions that this member owns now. */
  readonly partitions: () => Promise<ReadonlyArray<number>>
  /** Resolves when it has stopped; rejects with the reason if it ends by itself. */
  readonly ended: Promise<void>
}

/**
 * Joins a group whose members share the events of the log by `key`. Events with the same key are handled strictly one
 * after the other, in the order of the log, each at least once. A member that was paused and replaced can still
 * write. To reject its changes, start the handler's transaction with `Consumer.fence`.
 */
export const subscribeOrdered = async <const T extends string = string>(
  options: Broker & Settings<T> & Rules<T> & Keyed<T> & {
    readonly handle: (
      event: ConsumedEvent<T>,
      turn: Turn & Signal
    ) => PromiseLike<Outcome | void> | Outcome | void
  }
): Promise<SubscribedOrdered> => {
  await run(checkOrdered(options))
  const { handle } = options
  const { isStopped, running, stop } = await open(
    options,
    start({
      ...options,
      handle: (event, { partition, token }) =>
        attempt((signal) => handle(event, { partition, token, signal }))
    })
  )
  return {
    stop,
    lag: () => run(running.lag),
    health: () => run(running.health),
    partitions: () => run(running.partitions),
    ended: run(running.ended).catch((error: unknown) => {
      if (!isStopped()) throw error
      return stop()
    }),
    [Symbol.asyncDispose]: stop
  }
}
