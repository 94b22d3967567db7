import { Context, Effect, Layer } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { Consumers } from "../../Consumer/Consumer.ts"
import { EventLog } from "../../EventLog/EventLog.ts"
import { monotonicMillis } from "../../Process/Monotonic.ts"
import { lives } from "../../Projector/Registry.ts"
import { NotApplied, orUnavailable, type Unavailable } from "../Api/Problems.ts"
import { Draining } from "../Draining.ts"

/** How long a request waits for a read model, in milliseconds. */
export const Patience = Context.Reference<number>("threeqpr-events/Admin/ReadModels/Patience", {
  defaultValue: () => 10_000
})

/** Waits until read models contain the effects of the log up to a sequence. */
export class WaitFor extends Context.Service<WaitFor, {
  readonly applied: (
    projections: ReadonlyArray<string>,
    sequence: number | undefined
  ) => Effect.Effect<void, NotApplied | Unavailable>
}>()("threeqpr-events/Admin/ReadModels/WaitFor") {
  static readonly layer = Layer.effect(this, Effect.suspend(() => make))
}

/** Up to which sequence each live read model has finished the log, and where the log ends. */
const positions = Effect.gen(function*() {
  // Read the log before the consumers: one without pending events has then finished all entries of this log.
  const { lastSequence } = yield* (yield* EventLog).state
  const standings = yield* (yield* Consumers).standings
  const finished = (yield* lives).map(({ durable, name }) => {
    const standing = standings.find((standing) => standing.name === durable)
    const isLevel = standing !== undefined && standing.pending + standing.inFlight === 0
    return [name, isLevel ? lastSequence : standing?.finishedTo ?? 0] as const
  })
  return { lastSequence, finished: new Map(finished) }
})

const make = Effect.gen(function*() {
  const draining = yield* Draining
  const patience = yield* Patience
  const services = yield* Effect.context<EventLog | Consumers | SqlClient>()
  // One look for all requests that wait.
  const look = yield* Effect.cachedWithTTL(Effect.provideContext(positions, services), "50 millis")
  const applied = Effect.fn("WaitFor.applied")(
    function*(projections: ReadonlyArray<string>, sequence: number | undefined) {
      if (sequence === undefined) return
      const end = (yield* monotonicMillis) + patience
      while (true) {
        const { finished, lastSequence } = yield* look
        const behind = projections.find((name) => (finished.get(name) ?? 0) < sequence)
        if (behind === undefined) return
        const ended = (yield* monotonicMillis) >= end || (yield* draining.hasBegun)
        if (ended || lastSequence < sequence) {
          const to = finished.get(behind) ?? 0
          return yield* new NotApplied({
            detail: lastSequence < sequence
              ? `The log ends at sequence ${lastSequence}, so nothing can be applied up to ${sequence}.`
              : `${behind} has finished the log up to sequence ${to}, and not up to ${sequence} within ${
                patience / 1_000
              } s. Try again.`,
            applied_to: to
          })
        }
        yield* Effect.sleep("50 millis")
      }
    },
    orUnavailable
  )
  return WaitFor.of({ applied })
})
