import { Clock, Effect } from "effect"

/** Time that has passed since some moment, in milliseconds. It does not jump when the wall clock is set. */
export const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)
