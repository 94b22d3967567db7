import { Effect } from "effect"
import { inspect } from "node:util"

/** Longer than any successful wait takes on a busy machine, in milliseconds. */
const limit = 40_000

/**
 * Repeats a query until its answer matches, and returns that answer. The longer it takes, the rarer are the queries:
 * a query of another process can take some milliseconds of processor time on both sides.
 */
export const poll = <A, E, R>(
  ask: Effect.Effect<A, E, R>,
  fits: (answer: A) => boolean
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const began = performance.now()
    const pause = Effect.suspend(() =>
      Effect.sleep(Math.min(longestPause, Math.max(shortestPause, (performance.now() - began) / 10)))
    )
    return Effect.repeat(Effect.andThen(pause, ask), { until: fits })
  })

/** In milliseconds. */
const shortestPause = 5
const longestPause = 100

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
      (ask) => poll(ask, fits),
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
