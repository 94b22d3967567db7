import { Effect } from "effect"

/** Why a batch cannot be handled as a whole. Gives the result of the event at fault, once that event is alone. */
export type Fault<A, B, R = never> = (event: A) => Effect.Effect<B, never, R>

/**
 * One result for each event of a batch, in their order. When `attempt` fails for a batch, each half is tried by itself,
 * until the event at fault is alone: only that one gets the result of the fault.
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
