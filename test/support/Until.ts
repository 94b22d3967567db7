import { Effect } from "effect"
import { inspect } from "node:util"

/** Longer than any successful wait takes on a busy machine, in milliseconds. */
const limit = 40_000

/**
 * Repeats a query until its answer matches, and returns that answer. Dies with the last answer after `within`
 * milliseconds.
 */
export const until = <A, E, R>(
  what: string,
  ask: Effect.Effect<A, E, R>,
  fits: (answer: A) => boolean,
  within = limit
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    let last: A | undefined
    return ask.pipe(
      Effect.tap((answer) => Effect.sync(() => void (last = answer))),
      Effect.delay("15 millis"),
      Effect.repeat({ until: fits }),
      Effect.timeoutOrElse({
        duration: within,
        orElse: () =>
          Effect.die(
            new Error(
              `${what}: not within ${within / 1_000} s; at last ${inspect(last, { breakLength: Infinity })}`
            )
          )
      })
    )
  })
