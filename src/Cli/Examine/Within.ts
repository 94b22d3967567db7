import { Effect, Fiber } from "effect"

/**
 * Gives up on an effect after some milliseconds, and does not wait until it has ended: opening a connection
 * cannot be interrupted everywhere.
 */
export const within = Effect.fnUntraced(function*<A, E, R, B, F>(
  effect: Effect.Effect<A, E, R>,
  millis: number,
  orElse: () => Effect.Effect<B, F>
) {
  const fiber = yield* Effect.forkDetach(effect)
  return yield* Fiber.join(fiber).pipe(
    Effect.onInterrupt(() => Effect.sync(() => fiber.interruptUnsafe())),
    Effect.timeoutOrElse({ duration: millis, orElse })
  )
})
