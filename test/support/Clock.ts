import { Effect } from "effect"

/** Sets the wall clock of this process back by an hour, until the scope ends. */
export const setClockBack = Effect.acquireRelease(
  Effect.sync(() => {
    const { now } = Date
    Date.now = () => now() - 3_600_000
    return now
  }),
  (now) => Effect.sync(() => void (Date.now = now))
)
