import { Cause, Effect, Exit, Fiber } from "effect"
import type { Delivered } from "../../EventLog/Delivered.ts"
import { bisect, type Fault } from "../Bisect.ts"
import type { DeadLetterBreaker } from "../DeadLetterBreaker.ts"
import { ack, deadLetter, type Outcome, retryAfter } from "../Outcome.ts"
import { type ConsumedEvent, consumedOf, isOneOf } from "./ConsumedEvent.ts"
import { InHand } from "./InHand.ts"
import { resultsOf } from "./Results.ts"
import { Failures, type Retry } from "./Retry.ts"

export interface HandlingOptions<T extends string> {
  readonly name: string
  readonly types?: ReadonlyArray<T> | undefined
  readonly retry?: Retry | undefined
  /** How long running handlers may take to finish when the consumer stops, in milliseconds. Default: 20 seconds. */
  readonly stopWithin?: number | undefined
  /** The consumer is not healthy when a handler takes longer than this, in milliseconds. Default: 5 minutes. */
  readonly progressWithin?: number | undefined
}

/** Handles an event, or several at once. An event is done unless the handler returns another outcome for it. */
export type Handling<T extends string, E, R> =
  | { readonly handle: (event: ConsumedEvent<T>) => Effect.Effect<Outcome | void, E, R> }
  | {
    /** Maximum batch size. A batch is smaller when fewer events wait. */
    readonly maxBatch: number
    /** Returns one outcome per event, in their order. When it fails, each half of the batch is tried separately. */
    readonly handleBatch: (
      events: ReadonlyArray<ConsumedEvent<T>>
    ) => Effect.Effect<ReadonlyArray<Outcome | void> | void, E, R>
  }

/** Whether events are handled in batches. Plain JavaScript can pass a property that is undefined. */
export const isBatched = <A extends object>(
  options: A
): options is Extract<A, { readonly handleBatch: unknown }> =>
  "handleBatch" in options && options.handleBatch !== undefined

/** Builds a handler of deliveries. It decodes them and turns the results of the user's handler into outcomes. */
export const handler = Effect.fnUntraced(
  function*<T extends string, E, R>(
    options: HandlingOptions<T> & Handling<T, E, R>,
    limit: DeadLetterBreaker
  ) {
    const { name, stopWithin = 20_000, types } = options
    const context = yield* Effect.context<R>()
    const failures = new Failures(options.retry)
    const results = resultsOf(name)
    const inHand = new InHand(options.progressWithin)

    const attempt = (events: ReadonlyArray<ConsumedEvent<T>>) => {
      const handled = Effect.suspend(() =>
        isBatched(options)
          ? options.handleBatch(events)
          : Effect.all(events.map((event) => options.handle(event)))
      )
      const settled = Effect.flatMap(handled, (result) => results.outcomesOf(result, events.length))
      return inHand.during(events, finishing(Effect.provideContext(settled, context), stopWithin))
    }

    const settle = (
      events: ReadonlyArray<ConsumedEvent<T>>
    ): Effect.Effect<ReadonlyArray<Outcome>, Fault<ConsumedEvent<T>, Outcome>> =>
      Effect.flatMap(attempt(events), (exit) => {
        if (exit === "stopped") return Effect.succeed(events.map(() => retryAfter(0)))
        if (Exit.isSuccess(exit)) {
          const outcomes = exit.value
          return Effect.succeed(events.map((event, at) => failures.settled(event, outcomes[at] ?? ack)))
        }
        const error = Cause.squash(exit.cause)
        const failed = (event: ConsumedEvent<T>) => failures.failed(name, event, error)
        if (failures.isTransient(error)) return Effect.all(events.map(failed))
        return Effect.fail(failed)
      })

    const handle = Effect.fnUntraced(function*(batch: ReadonlyArray<Delivered>) {
      const read = batch.map(consumedOf)
      const wanted = read.filter((event) => typeof event === "object" && isOneOf(types, event))
      const settled = wanted.length === 0 ? [] : yield* bisect(wanted, settle)
      const outcomes = new Map(wanted.map((event, at) => [event.sequence, settled[at] ?? ack]))
      return yield* limit.settle(
        batch,
        read.map((event) =>
          typeof event === "string" ? deadLetter(event) : outcomes.get(event.sequence) ?? ack
        )
      )
    })
    return { handle, stuck: inHand.stuck }
  }
)

/**
 * Runs work and returns its exit. After a stop, the work has `stopWithin` milliseconds to finish and is then
 * interrupted.
 */
const finishing = Effect.fnUntraced(function*<A, E>(work: Effect.Effect<A, E>, stopWithin: number) {
  const fiber = yield* Effect.forkDetach(work)
  const ended = yield* Effect.exit(Effect.interruptible(Fiber.await(fiber)))
  if (Exit.isSuccess(ended)) return ended.value
  const inTime = yield* Effect.timeoutOption(Fiber.await(fiber), stopWithin)
  if (inTime._tag === "Some") return inTime.value
  yield* Fiber.interrupt(fiber)
  return "stopped" as const
}, Effect.uninterruptible)
