import { Duration, Effect } from "effect"

/** A run longer than this counts as a successful start. */
const steady = Duration.seconds(30)

/**
 * Starts a run again whenever it ends. The delay is 100 ms and doubles after each failure, up to 5 seconds. `first`
 * is the run that has already started. A run returns how it ended.
 */
export const restart = Effect.fnUntraced(function*<R, R2>(
  name: string,
  first: Effect.Effect<string, never, R>,
  again: Effect.Effect<string, never, R2>
) {
  let run: Effect.Effect<string, never, R | R2> = first
  let failures = 0
  while (true) {
    const [lasted, how] = yield* Effect.timed(run)
    failures = Duration.isGreaterThan(lasted, steady) ? 1 : failures + 1
    const wait = Math.min(5_000, 100 * 2 ** (failures - 1))
    yield* Effect.logWarning(`${name} ended (${how}). Restarting it in ${wait} ms`)
    yield* Effect.sleep(wait)
    run = again
  }
})
