import { Cause, Effect } from "effect"
import { isBlocked, isTransient } from "../../Database/SqlFailure.ts"
import { messageOf } from "../../Process/Failure.ts"
import { monotonicMillis } from "../../Process/Monotonic.ts"
import { claimAll } from "../Claim.ts"
import { isLockTimeout } from "../Locks.ts"
import { type Keeper, UnreadablePatience } from "../Place/Keep.ts"
import type { Projection } from "../Projection.ts"
import { active, end, type Live, noteError, type Rebuild } from "../Registry.ts"
import { freshDurable } from "../Tables.ts"
import { completeRebuild } from "./CompleteRebuild.ts"
import { dropGenerations } from "./DropGeneration.ts"
import {
  Decision,
  isOurs,
  type Observation,
  type Observed,
  observedOf,
  plan,
  type Step
} from "./GenerationPlan.ts"
import { generationRuns, type Run } from "./GenerationRuns.ts"
import { begin } from "./Rebuilds.ts"
import { startRebuilds } from "./StartRebuilds.ts"

/**
 * Reads the registry every second, and more often during a rebuild. Runs the live generation and the one that is
 * being built, stops the others, and advances rebuilds. Failures are retried at the next reading.
 */
export const generationSupervisor = Effect.fnUntraced(
  function*<R>(projections: ReadonlyArray<Projection>, keeper: Keeper, run: Run<R>) {
    const runs = yield* generationRuns(run)
    const beside = yield* oneAtATime
    const faults = faultReports()
    const registry = yield* registryFault
    let observed: ReadonlyArray<Observation> = []
    let isStarting = true

    const interpret = Decision.$match({
      Start: ({ one, projection }) => runs.start(projection, one),
      Stop: ({ durable }) => runs.stop(durable),
      Report: ({ fault, one }) => faults.report(one, fault),
      Note: ({ one, reason }) =>
        Effect.andThen(
          Effect.sync(() => runs.note(one.durable, reason)),
          reason === undefined ? Effect.void : noteError(one, reason)
        ),
      Advance: ({ projection, rebuild, step }) =>
        beside(`rebuild of ${projection.name}`, advance(projection, rebuild, step))
    })

    const look = Effect.gen(function*() {
      observed = yield* observe(projections, keeper, isStarting)
      isStarting = false
      const generations = observed.flatMap(observedOf).map(({ one }) => one)
      keeper.retain(generations)
      faults.retain(generations)
      yield* Effect.forEach(plan(observed, yield* runs.reasons), interpret, { discard: true })
      yield* beside("dropping a generation", dropGenerations)
      yield* beside("starting a rebuild", startRebuilds(projections))
      return observed.some(({ rebuild }) => rebuild !== undefined)
    })

    let building = yield* look
    return {
      follow: Effect.suspend(() => Effect.sleep(building ? "200 millis" : "1 second")).pipe(
        Effect.andThen(look),
        Effect.tap((rebuilds) => Effect.sync(() => void (building = rebuilds))),
        Effect.tap(registry.readable),
        Effect.catch(registry.unreadable),
        Effect.forever
      ),
      /** Why a projection does not match the log, or does not advance. */
      troubleOf: (name: string) =>
        Effect.map(runs.reasons, (reasons) => {
          const durable = observed.find(({ projection }) => projection.name === name)?.live?.one.durable ?? ""
          return registry.fault() ?? faults.of(durable) ?? reasons.get(durable)?.reason
        })
    }
  }
)

/** Reads the state of the projections from the registry and the log. */
const observe = Effect.fnUntraced(function*(
  projections: ReadonlyArray<Projection>,
  { keep }: Keeper,
  isStarting: boolean
) {
  const registry = yield* claimAll(projections, isStarting)
  const rebuilds = yield* active
  const lookAt = <One extends Live | Rebuild>(projection: Projection, one: One | undefined) =>
    one === undefined
      ? Effect.succeed(undefined)
      : Effect.map(
        isOurs(projection, one) ? keep(projection, one) : Effect.succeed(undefined),
        (look): Observed<One> => ({ one, look })
      )
  return yield* Effect.forEach(projections, (projection) =>
    Effect.map(
      Effect.all({
        live: lookAt(projection, registry.find(({ name }) => name === projection.name)),
        rebuild: lookAt(projection, rebuilds.find(({ name }) => name === projection.name))
      }),
      (observed): Observation => ({ projection, ...observed })
    ))
})

const advance = Effect.fnUntraced(function*(projection: Projection, rebuild: Rebuild, step: Step) {
  if (step === "begin") return yield* begin(projection, rebuild, freshDurable)
  if (step === "complete") return yield* completeRebuild(projection, rebuild)
  yield* end(rebuild.id, "failed", { error: step.fail })
})

/** Runs work in the background, one at a time of each kind. Failures are logged. */
const oneAtATime = Effect.map(Effect.scope, (scope) => {
  const busy = new Set<string>()
  return Effect.fnUntraced(function*<E, R>(what: string, work: Effect.Effect<void, E, R>) {
    if (busy.has(what)) return
    busy.add(what)
    yield* work.pipe(
      Effect.sandbox,
      Effect.catch((cause) =>
        cause.reasons.some((reason) => Cause.isFailReason(reason) && isLockTimeout(reason.error))
          ? Effect.logDebug(`${what}: ${messageOf(cause)}`)
          : Effect.andThen(Effect.logWarning(`${what}: ${messageOf(cause)}`), Effect.sleep("5 seconds"))
      ),
      Effect.ensuring(Effect.sync(() => void busy.delete(what))),
      Effect.forkIn(scope)
    )
  })
})

/** Logs and stores why generations do not match the log, each reason once. */
const faultReports = () => {
  const faults = new Map<string, string>()
  return {
    of: (durable: string) => faults.get(durable),
    /** Drops the faults of all other generations. */
    retain: (generations: ReadonlyArray<Live | Rebuild>) => {
      const kept = new Set(generations.map(({ durable }) => durable))
      for (const durable of faults.keys()) if (!kept.has(durable)) faults.delete(durable)
    },
    report: Effect.fnUntraced(function*(one: Live | Rebuild, fault: string | undefined) {
      const before = faults.get(one.durable)
      if (fault === undefined) return void faults.delete(one.durable)
      faults.set(one.durable, fault)
      // Ignores the numbers, which change while events are read again.
      if (before?.replace(/\d+/g, "") === fault.replace(/\d+/g, "")) return
      yield* Effect.logError(`projection ${one.durable}: ${fault}`)
      yield* noteError(one, fault)
    })
  }
}

/** Reports a fault when the registry cannot be read for some time although the database answers. */
export const registryFault = Effect.map(UnreadablePatience, (patience) => {
  /** Time since which the registry cannot be read, in milliseconds of the monotonic clock. */
  let since: number | undefined
  let fault: string | undefined
  return {
    fault: () => fault,
    readable: Effect.sync(() => void (since = fault = undefined)),
    unreadable: Effect.fnUntraced(function*(error: unknown) {
      const message = `the registry of projections cannot be read: ${messageOf(error)}`
      const now = yield* monotonicMillis
      since ??= now
      // The process reports an unreachable database separately.
      if ((isTransient(error) && !isBlocked(error)) || now - since < patience) {
        return yield* Effect.logDebug(message)
      }
      const isNews = fault === undefined
      fault = message
      yield* isNews ? Effect.logError(message) : Effect.logDebug(message)
    })
  }
})
