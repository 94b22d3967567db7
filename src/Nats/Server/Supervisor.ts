import { Duration, Effect } from "effect"

/** What has run this long does not count as having failed to start. */
const steady = Duration.seconds(30)

/**
 * Starts something again whenever it ends: after 100 ms, then twice as long each time, up to 5
 * seconds. `first` is the run that is under way already. A run says how it ended.
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
    yield* Effect.logWarning(`${name} ended (${how}); starting it again in ${wait} ms`)
    yield* Effect.sleep(wait)
    run = again
  }
})
