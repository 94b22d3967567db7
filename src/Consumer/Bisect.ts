import { Effect } from "effect"

/** Why a batch failed as a whole. Computes the result of the event that caused it, once that event is alone. */
export type Fault<A, B, R = never> = (event: A) => Effect.Effect<B, never, R>

/**
 * Returns one result per event of a batch, in their order. When `attempt` fails for a batch, each half is tried
 * separately, until the failing event is alone. Only that event gets the result of the fault.
 */
export const bisect = <A, B, R, R2>(
  batch: ReadonlyArray<A>,
  attempt: (batch: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, Fault<A, B, R2>, R>
): Effect.Effect<ReadonlyArray<B>, never, R | R2> =>
  Effect.catch(attempt(batch), (fault) => {
    if (batch.length <= 1) return Effect.forEach(batch, fault)
    const middle = batch.length >> 1
    return Effect.map(
      Effect.all([bisect(batch.slice(0, middle), attempt), bisect(batch.slice(middle), attempt)]),
      (halves) => halves.flat()
    )
  })
