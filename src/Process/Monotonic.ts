import { Clock, Effect } from "effect"

/** Milliseconds since an arbitrary moment. The value does not jump when the wall clock is set. */
export const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)
