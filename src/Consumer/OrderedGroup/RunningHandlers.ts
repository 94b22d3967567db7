import { Cause, Effect, Exit, Fiber, Scope } from "effect"
import { putAgain, putLetter } from "../PutLetter.ts"
import type { GroupOptions } from "./GroupOptions.ts"
import type { End, RunningEvent } from "./PartitionScheduler.ts"
import type { Waiting } from "./Waiting.ts"

/**
 * Runs the events that the scheduler starts, each in its own fiber. Calls `nudge` when the store must be read early: a
 * partition can be released, or a fence has refused an event.
 */
export const runHandlers = Effect.fnUntraced(function*<T extends string>(
  options: GroupOptions<T>,
  nudge: Effect.Effect<unknown>
) {
  const { clock, scheduler } = options
  const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
  const fibers = new Map<RunningEvent<Waiting<T>>, Fiber.Fiber<void>>()

  /** Starts every event that may start, and interrupts events of partitions that the member no longer owns. */
  const act: Effect.Effect<void> = Effect.suspend(() => {
    for (const begun of scheduler.align()) fibers.get(begun)?.interruptUnsafe()
    return Effect.forEach(scheduler.begin(clock.now()), begin, { discard: true })
  })

  const begin = (begun: RunningEvent<Waiting<T>>) =>
    attempt(options, begun).pipe(
      Effect.flatMap((end) => finish(begun, end)),
      // Uninterruptible from the start: a fiber that is interrupted before it runs must call `finish`, too.
      Effect.forkIn(scope, { uninterruptible: true }),
      Effect.map((fiber) => void (fiber.pollUnsafe() === undefined && fibers.set(begun, fiber)))
    )

  const finish = Effect.fnUntraced(function*(begun: RunningEvent<Waiting<T>>, end: End) {
    fibers.delete(begun)
    scheduler.end(begun, end)
    if (begun.owned.leaving || end._tag === "Fenced") yield* nudge
    const wait = end._tag === "Again" ? end.notBefore - clock.now() : 0
    if (wait > 0) yield* Effect.forkIn(Effect.delay(act, wait), scope)
    yield* act
  })

  return {
    act,
    /** Waits until no handler is running. */
    finished: Effect.suspend(() => Fiber.awaitAll(fibers.values())),
    interrupt: Effect.suspend(() => Fiber.interruptAll(fibers.values()))
  }
})

/** Handles one event. It never fails, because the partition waits for the end of its event. */
const attempt = <T extends string>(
  { clock, deadLetters, handle, name }: GroupOptions<T>,
  { event, owned }: RunningEvent<Waiting<T>>
) => {
  const again = (millis: number): End => ({ _tag: "Again", notBefore: clock.now() + millis })
  return Effect.gen(function*() {
    if (event === undefined) return again(0)
    const outcome = yield* handle(event, owned)
    if (outcome === "fenced") return fenced
    if (outcome === "stopped") return again(0)
    if (outcome._tag === "Ack") return done
    if (outcome._tag === "RetryAfter") return again(outcome.millis)
    const isStored = yield* putLetter(deadLetters, name, event.delivered, outcome.error)
    return isStored ? done : again(putAgain)
  }).pipe(
    Effect.catchCause((cause) =>
      Effect.as(
        Effect.logError(`${name}: event ${event?.delivered.id} is repeated: ${Cause.pretty(cause)}`),
        again(5_000)
      )
    )
  )
}

const done: End = { _tag: "Done" }
const fenced: End = { _tag: "Fenced" }

export type RunningHandlers = Effect.Success<ReturnType<typeof runHandlers>>
