import { Effect, Fiber } from "effect"

/**
 * Applies a time limit in milliseconds to an effect, and does not wait for its interruption. Opening a connection
 * cannot be interrupted at every point.
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
