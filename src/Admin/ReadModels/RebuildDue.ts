import { Effect } from "effect"
import { needsOperator } from "../../Database/SqlFailure.ts"
import { Projections } from "../../Projector/Projections.ts"
import { lives } from "../../Projector/Registry.ts"
import { due, outdated } from "../../Projector/Versions.ts"
import { Unavailable } from "../Api/Problems.ts"

/**
 * Explains a query that fails because a read model has the tables of another program version. The problem names the
 * rebuild that is due, or states that this program is outdated.
 */
export const orRebuildDue = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.catch(effect, (error) => Effect.flatMap(explain(error), () => Effect.fail(error)))

const explain = Effect.fnUntraced(function*(error: unknown) {
  if (!needsOperator(error)) return
  const detail = yield* Effect.orElseSucceed(otherVersion, () => undefined)
  if (detail !== undefined) return yield* new Unavailable({ detail })
})

const otherVersion = Effect.gen(function*() {
  const projections = yield* Projections
  const installed = yield* lives
  const found = projections.flatMap((projection) => {
    const live = installed.find(({ name }) => name === projection.name)
    if (live === undefined || live.version === projection.version) return []
    return [
      live.version < projection.version ? due(projection, live.version) : outdated(projection, live.version)
    ]
  })
  return found.length === 0 ? undefined : `${found.join(". ")}.`
})
