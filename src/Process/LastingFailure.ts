import { Context, Effect } from "effect"
import { monotonicMillis } from "./Monotonic.ts"

/** How long repeated work may fail before this is a fault, in milliseconds. */
export const FailurePatience = Context.Reference<number>("threeqpr-events/Process/FailurePatience", {
  defaultValue: () => 30_000
})

/** Remembers the failures of work that is repeated, and makes them a fault when it keeps failing. */
export const lastingFailure = Effect.map(FailurePatience, (patience) => {
  /** Time since which it fails, in milliseconds of the monotonic clock. */
  let since: number | undefined
  let fault: string | undefined
  let told: string | undefined
  return {
    /** The last failure, once the work has failed for longer than the patience. */
    fault: Effect.sync(() => fault),
    succeeded: Effect.sync(() => void (since = fault = told = undefined)),
    /** Logs a message once, however often it is repeated. */
    failed: (message: string) =>
      Effect.flatMap(monotonicMillis, (now) => {
        const isNew = message !== told
        told = message
        since ??= now
        if (now - since >= patience) fault = message
        return isNew ? Effect.logWarning(message) : Effect.logDebug(message)
      })
  }
})

export type LastingFailure = Effect.Success<typeof lastingFailure>
