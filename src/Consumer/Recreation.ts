import { Effect, Schedule } from "effect"
import { monotonicMillis } from "../Process/Monotonic.ts"

/**
 * Returns a function that starts to create a durable consumer again, unless this is already in progress. Retries each
 * second until `create` succeeds. Without a result it is not wanted now.
 */
export const recreation = Effect.fnUntraced(
  function*<A, E extends { readonly message: string }>(
    create: Effect.Effect<A | undefined, E>,
    created: (there: A) => void
  ) {
    const scope = yield* Effect.scope
    const services = yield* Effect.context<never>()
    let recreating = false
    let told: string | undefined
    const recreate = Effect.andThen(paced(), create).pipe(
      Effect.tapError(({ message }) => {
        const isNew = message !== told
        told = message
        return isNew ? Effect.logWarning(message) : Effect.void
      }),
      Effect.retry(Schedule.spaced("1 second")),
      Effect.map((there) => {
        told = undefined
        // A durable consumer that is not wanted now can be wanted again, before this run is stopped.
        recreating = false
        if (there !== undefined) created(there)
      })
    )
    return () => {
      if (recreating) return
      recreating = true
      Effect.runForkWith(services)(Effect.forkIn(recreate, scope))
    }
  }
)

/** A durable consumer that is deleted again within this time is created again later, in milliseconds. */
const quick = 10_000

/** Waits longer each time when it is called in quick succession: at first not at all, then up to 8 seconds. */
const paced = () => {
  let last = -Infinity
  let times = 0
  return Effect.gen(function*() {
    const now = yield* monotonicMillis
    times = now - last < quick ? times + 1 : 0
    if (times > 1) yield* Effect.sleep(Math.min(8_000, 500 * 2 ** (times - 1)))
    last = yield* monotonicMillis
  })
}
