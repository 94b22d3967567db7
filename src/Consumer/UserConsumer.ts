import { Deferred, Effect, Fiber, Layer, type Scope } from "effect"
import { DeadLetters } from "../EventLog/DeadLetters.ts"
import type { Health, ReadFailed } from "../EventLog/EventLog.ts"
import { filterOf } from "../EventLog/Subjects.ts"
import { Nats, type Target } from "../Nats/Nats.ts"
import { Consumers } from "./Consumer.ts"
import type { ConsumerOptions } from "./ConsumerOptions.ts"
import { DeadLetterBreaker, RetryLimited } from "./DeadLetterBreaker.ts"
import type { ConsumerUnavailable } from "./Durable.ts"
import { type Options as OrderedOptions, start as startOrdered } from "./OrderedGroup.ts"
import { fence, Fenced, fenceTable, type Turn } from "./OrderedGroup/Fence.ts"
import { ack, deadLetter, type Outcome, retryAfter } from "./Outcome.ts"
import { type ConnectionClosed, untilClosed } from "./UserConsumer/Closed.ts"
import { type ConsumedEvent, is } from "./UserConsumer/ConsumedEvent.ts"
import { durableGuard } from "./UserConsumer/DurableGuard.ts"
import { handler, type Handling, type HandlingOptions } from "./UserConsumer/Handler.ts"
import { check, ConsumerInvalid } from "./UserConsumer/Invalid.ts"
import { once, onceTable } from "./UserConsumer/Once.ts"
import type { Retry } from "./UserConsumer/Retry.ts"
import { type From, startOf } from "./UserConsumer/Start.ts"

export {
  ack,
  type ConsumedEvent,
  ConsumerInvalid,
  deadLetter,
  fence,
  Fenced,
  fenceTable,
  type From,
  is,
  once,
  onceTable,
  type OrderedOptions,
  type Outcome,
  type Retry,
  retryAfter,
  startOrdered,
  type Turn
}

/** The settings of a consumer. Instances with the same name share the events. */
export interface Settings<T extends string> extends HandlingOptions<T> {
  /** Letters, digits, `_` and `-`; also the name of the durable consumer. */
  readonly name: string
  /** The event types to consume; every type when undefined. */
  readonly types?: ReadonlyArray<T> | undefined
  /** Where to start when the name is new. An existing consumer continues at its place. Default: the first event. */
  readonly from?: From | undefined
  /**
   * Maximum number of concurrent handlers. Default: 1. They start in the order of the log and finish in any order.
   */
  readonly concurrency?: number | undefined
}

export type Options<T extends string, E = never, R = never> = Settings<T> & Handling<T, E, R>

/** The lag of a consumer, over all its instances. */
export interface Lag {
  /** Unfinished events: `pending` and `inFlight` together. With several types, events of other types are included. */
  readonly events: number
  /** Events that are not delivered to any instance yet. */
  readonly pending: number
  /** Events that are delivered and not finished yet. */
  readonly inFlight: number
  /** All events up to this sequence are finished. */
  readonly finishedTo: number
}

/** A running consumer. */
export interface Running {
  readonly lag: Effect.Effect<Lag, ReadFailed>
  readonly health: Effect.Effect<Health>
  /** Fails when the consumer ends by itself: the connection to the broker has ended, or there was a defect. */
  readonly ended: Effect.Effect<never, ConsumerUnavailable | ConnectionClosed>
}

/**
 * Starts a consumer that runs until the scope ends. Then it waits up to `stopWithin` for running handlers. Delivery
 * is at-least-once: the handler decides when an event is finished, and after a crash the event is delivered again.
 * Fails when an option is invalid or the durable consumer cannot be created.
 */
export const start = Effect.fnUntraced(
  function*<const T extends string, E, R>(options: Options<T, E, R>): Effect.fn.Return<
    Running,
    ConsumerInvalid | ConsumerUnavailable,
    Consumers | Nats | R | Scope.Scope
  > {
    yield* check(options)
    const { concurrency = 1, from, name, types } = options
    const consumers = yield* Consumers
    const nats = yield* Nats
    const limit = new DeadLetterBreaker(types, yield* RetryLimited)
    const started = yield* Deferred.make<void>()
    const { handle, stuck } = yield* handler(options, limit)
    const guard = yield* durableGuard(nats, name)
    const run: ConsumerOptions = {
      durable: name,
      filter: filterOf({ types: types ?? [">"] }),
      start: startOf(from),
      maxBatch: "maxBatch" in options ? options.maxBatch ?? 1 : 1,
      concurrency,
      hold: true,
      started: Effect.asVoid(Deferred.succeed(started, undefined)),
      pause: Effect.andThen(limit.pause, guard.pause),
      handle
    }
    const fiber = yield* Effect.forkScoped(consumers.run(run))
    yield* Effect.raceFirst(Deferred.await(started), Fiber.join(fiber))
    yield* Effect.forkScoped(guard.run)
    return {
      lag: Effect.map(consumers.standing(name), ({ finishedTo, inFlight, pending }) => ({
        events: pending + inFlight,
        pending,
        inFlight,
        finishedTo
      })),
      health: Effect.map(stuck, (stuck): Health => {
        const reason = fiber.pollUnsafe() !== undefined
          ? "the consumer has ended"
          : nats.connection.isClosed()
          ? "the connection to the broker has ended"
          : nats.fault() ?? guard.reason() ?? limit.reason ?? stuck
        return reason === undefined ? { ready: true } : { ready: false, reason }
      }),
      ended: Effect.raceFirst(Fiber.join(fiber), untilClosed(nats))
    }
  }
)

/** Runs a consumer until it is interrupted; see `start`. */
export const run = <const T extends string, E, R>(options: Options<T, E, R>) =>
  Effect.scoped(Effect.flatMap(start(options), ({ ended }) => ended))

/**
 * The services that consumers need, with a connection to the broker. Without a target it uses the broker of `serve`:
 * the one of NATS_URL and the other variables, or the embedded one that runs in DATA_DIR.
 */
export const layer = (target?: Target) =>
  Consumers.layer.pipe(
    Layer.provideMerge(DeadLetters.layer),
    Layer.provideMerge(
      target === undefined ? Layer.unwrap(Effect.map(environment, Nats.layer)) : Nats.layer(target)
    )
  )

/** Imported only when needed: the code that reads the settings of `serve` takes as long to load as the consumer. */
const environment = Effect.flatMap(
  Effect.promise(() => import("./UserConsumer/Broker.ts")),
  ({ environment }) => environment
)
