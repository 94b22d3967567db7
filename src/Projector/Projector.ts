/**
 * Room `Projector`: batches (`Apply`), rebuilds (`Rebuild`), place in the log (`Place`), read models (`Projections`).
 *
 * Promises: Each event changes each read model exactly once. A rebuild does not interrupt reads. A read model knows
 * its place in the log.
 *
 * May use: `Domain`, `Process`, `Nats`, `Database`, `EventLog`, `Consumer`.
 */
import { Effect, Layer } from "effect"
import { inspect } from "../EventLog/Readiness.ts"
import { operatedFlaw } from "../EventLog/Topology.ts"
import { managerOf } from "../Nats/Manager.ts"
import { Nats } from "../Nats/Nats.ts"
import { messageOf } from "../Process/Failure.ts"
import { type LastingFailure, lastingFailure } from "../Process/LastingFailure.ts"
import { ProcessHealth } from "../Process/ProcessHealth.ts"
import { compareRepeats } from "./Apply/BodyConflicts.ts"
import { prune } from "./Changes/Prune.ts"
import { expireLive, RowRetention } from "./Expire.ts"
import { indexFilters } from "./Own/IndexFilters.ts"
import { checkInstalled } from "./Own/Installed.ts"
import { tryOut } from "./Own/Trial.ts"
import { keeper } from "./Place/Keep.ts"
import { projectGeneration } from "./ProjectGeneration.ts"
import type { Projection } from "./Projection.ts"
import { generationSupervisor } from "./Rebuild/GenerationSupervisor.ts"
import { freshDurable, install } from "./Tables.ts"

/**
 * Keeps read models up to date from the log. Each generation has its own durable consumer. The registry in the
 * database names the generations to run, build, promote and drop.
 */
export const layer = (projections: ReadonlyArray<Projection>) => Layer.effectDiscard(start(projections))

const start = Effect.fnUntraced(function*(projections: ReadonlyArray<Projection>) {
  const vitals = yield* ProcessHealth
  // Nothing is installed when one of the definitions is refused.
  yield* check(projections)
  for (const projection of projections) yield* install(projection, freshDurable)
  const keeps = yield* keeper
  const { follow, troubleOf } = yield* generationSupervisor(
    projections,
    keeps,
    (projection, one, trouble) => projectGeneration(keeps, projection, one, trouble)
  )
  for (const { name } of projections) {
    yield* vitals.watch(`projection ${name}`, troubleOf(name))
  }
  yield* vitals.run("projections", follow)
  const beside: { flaw: string | undefined } = { flaw: undefined }
  yield* vitals.watch("other streams", Effect.sync(() => beside.flaw))
  const manager = yield* managerOf(yield* Nats)
  yield* vitals.run("the inspection of streams", inspect(beside, () => operatedFlaw(manager)))
  const repeats = yield* lastingFailure
  yield* vitals.watch("repeated events", repeats.fault)
  yield* vitals.run("repeated events", repeatsAlways(repeats))
  yield* vitals.run("the change feed", pruneAlways)
  yield* vitals.run("the indexes of filters", indexAlways(projections))
  if ((yield* RowRetention) !== undefined) yield* vitals.run("the age of rows", expireAlways(projections))
})

/** Fails when a definition cannot be used, or differs from the installed one of the same version. Changes nothing. */
export const check = Effect.fn("Projector.check")(function*(projections: ReadonlyArray<Projection>) {
  for (const projection of projections.filter(({ own }) => own !== undefined)) {
    yield* checkInstalled(projection)
    yield* tryOut(projection)
  }
})

const repeatsAlways = ({ failed, succeeded }: LastingFailure) =>
  compareRepeats().pipe(
    Effect.tap(succeeded),
    Effect.catch((error) =>
      Effect.as(failed(`repeated events are not compared yet: ${messageOf(error)}`), 0)
    ),
    Effect.flatMap((compared) => compared > 0 ? Effect.void : Effect.sleep("5 seconds")),
    Effect.forever
  )

const pruneAlways = prune().pipe(
  Effect.catch((error) => Effect.logWarning(`old changes stay for now: ${messageOf(error)}`)),
  Effect.andThen(Effect.sleep("1 minute")),
  Effect.forever
)

const indexAlways = (projections: ReadonlyArray<Projection>) =>
  indexFilters(projections).pipe(
    Effect.catch((error) => Effect.logWarning(`filters have no indexes yet: ${messageOf(error)}`)),
    Effect.andThen(Effect.sleep("1 minute")),
    Effect.forever
  )

const expireAlways = (projections: ReadonlyArray<Projection>) =>
  expireLive(projections).pipe(
    Effect.catch((error) => Effect.logWarning(`old rows are not removed yet: ${messageOf(error)}`)),
    Effect.andThen(Effect.sleep("1 minute")),
    Effect.forever
  )
