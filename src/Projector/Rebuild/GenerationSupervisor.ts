import { Effect, Exit, Schedule, Scope } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { ConsumerUnavailable } from "../../Consumer/Durable.ts"
import { isTransient } from "../../Database/SqlFailure.ts"
import { messageOf } from "../../Process/Failure.ts"
import { ProcessHealth } from "../../Process/ProcessHealth.ts"
import { isLockTimeout } from "../Locks.ts"
import { type Keeper, type Look, UnreadablePatience } from "../Place/Keep.ts"
import type { Projection } from "../Projection.ts"
import { active, end, type Live, lives, noteError, type Rebuild } from "../Registry.ts"
import { freshDurable } from "../Tables.ts"
import { reasonOf, type Trouble } from "../Trouble.ts"
import { due, outdated } from "../Versions.ts"
import { completeRebuild } from "./CompleteRebuild.ts"
import { dropGenerations } from "./DropGeneration.ts"
import { begin } from "./Rebuilds.ts"

/** Applies the events of one generation of a projection, without an end. */
export type Run<R> = (
  projection: Projection,
  one: Live | Rebuild,
  trouble: Trouble
) => Effect.Effect<never, ConsumerUnavailable, R>

/** What was seen of the live generation and of the one that is being built. */
interface Looks {
  readonly live: Look | undefined
  readonly own: Look | undefined
}

interface Running {
  readonly scope: Scope.Closeable
  readonly trouble: Trouble
  noted: string | undefined
}

/**
 * Looks at the registry every second, more often during a rebuild: runs the generations that are wanted, the
 * live one and the one that is being built, stops the others, and does what rebuilds need. What fails is
 * tried again at the next look.
 */
export const generationSupervisor = Effect.fnUntraced(
  function*<R>(projections: ReadonlyArray<Projection>, { keep }: Keeper, run: Run<R>) {
    const scope = yield* Effect.scope
    const vitals = yield* ProcessHealth
    const running = new Map<string, Running>()
    const live = new Map<string, string>()
    const faults = new Map<string, string>()
    const busy = new Set<string>()
    const patience = yield* UnreadablePatience
    /** Since when the registry cannot be read, in milliseconds of the monotonic clock. */
    let unreadableSince: number | undefined
    let registryFault: string | undefined

    const start = Effect.fnUntraced(function*(projection: Projection, one: Live | Rebuild) {
      const { durable } = one
      const trouble: Trouble = { failures: 0, reason: undefined, failedAt: 0, limited: () => undefined }
      const own = yield* Scope.fork(scope)
      running.set(durable, { scope: own, trouble, noted: undefined })
      const worker = run(projection, one, trouble).pipe(
        Effect.tapError(({ message }) => {
          trouble.reason = message
          trouble.failedAt = performance.now()
          return Effect.logWarning(message)
        }),
        Effect.retry(Schedule.spaced("1 second"))
      )
      yield* vitals.run(`projection ${durable}`, worker).pipe(Scope.provide(own))
    })

    const stop = (durable: string, { scope: own }: Running) => {
      running.delete(durable)
      // It gives its events back, once its present batch has ended.
      return Effect.forkIn(Scope.close(own, Exit.void), scope)
    }

    /** Runs beside the looks at the registry, once at a time. */
    const beside = Effect.fnUntraced(function*<E, S>(what: string, work: Effect.Effect<void, E, S>) {
      if (busy.has(what)) return
      busy.add(what)
      yield* work.pipe(
        Effect.catch((error) =>
          isLockTimeout(error)
            ? Effect.logDebug(`${what}: ${messageOf(error)}`)
            : Effect.andThen(Effect.logWarning(`${what}: ${messageOf(error)}`), Effect.sleep("5 seconds"))
        ),
        Effect.ensuring(Effect.sync(() => void busy.delete(what))),
        Effect.forkIn(scope)
      )
    })

    const advance = Effect.fnUntraced(function*(
      projection: Projection,
      rebuild: Rebuild,
      { live, own }: Looks
    ) {
      const acceptsOther = rebuild.accepts_new_log && rebuild.kind === "rebuild"
      const strange = own?.otherLog ?? (acceptsOther ? undefined : live?.otherLog)
      if (strange !== undefined) return yield* Effect.asVoid(end(rebuild.id, "failed", { error: strange }))
      if (rebuild.version === null) return yield* begin(projection, rebuild, freshDurable)
      if (rebuild.version === projection.version) return yield* completeRebuild(projection, rebuild)
      // Newer than we are: another process builds it.
      if (rebuild.version > projection.version) return
      yield* end(rebuild.id, "failed", {
        error: `Version ${rebuild.version} was being built when version ${projection.version} was deployed. `
          + "Start the rebuild again."
      })
    })

    const look = Effect.gen(function*() {
      const registry = yield* lives
      const rebuilds = yield* active
      const wanted = new Map<string, () => Effect.Effect<void, never, R | SqlClient>>()
      for (const projection of projections) {
        const { name } = projection
        const current = registry.find((live) => live.name === name)
        const rebuild = rebuilds.find((rebuild) => rebuild.name === name)
        if (current) live.set(name, current.durable)
        const lookOf = (one: Live | Rebuild | undefined) =>
          one === undefined
            ? Effect.succeed(undefined)
            : lookAt(projection, one, (start) => void wanted.set(one.durable, start))
        const looks = { live: yield* lookOf(current), own: yield* lookOf(rebuild) }
        if (rebuild) yield* beside(`rebuild of ${name}`, advance(projection, rebuild, looks))
        yield* noteTroubles(current, rebuild)
      }
      for (const [durable, one] of running) if (!wanted.has(durable)) yield* stop(durable, one)
      for (const [durable, start] of wanted) if (!running.has(durable)) yield* start()
      yield* beside("dropping a generation", dropGenerations)
      return rebuilds.length > 0
    })

    /** Looks at the place of a generation in the log; `want` says that it is to run. */
    const lookAt = Effect.fnUntraced(function*(
      projection: Projection,
      one: Live | Rebuild,
      want: (start: () => Effect.Effect<void, never, R | SqlClient>) => void
    ) {
      const { durable, version } = one
      if (version === null) return undefined
      // A newer version of the program owns these tables.
      if (version > projection.version) {
        yield* tell(one, outdated(projection, version))
        return undefined
      }
      const look = yield* keep(projection, one)
      const current = running.get(durable)
      const waits = version < projection.version ? reasonOf(current?.trouble) : undefined
      yield* tell(one, look.fault ?? (waits && `${waits}. ${due(projection, version)}`))
      if (look.restart && current !== undefined) yield* stop(durable, current)
      if (look.runs) want(() => start(projection, one))
      return look
    })

    /** Logs, shows and keeps why a generation is not what the log says. */
    const tell = Effect.fnUntraced(function*(one: Live | Rebuild, fault: string | undefined) {
      const before = faults.get(one.durable)
      if (fault === undefined) return void faults.delete(one.durable)
      faults.set(one.durable, fault)
      // Numbers change while events are read again.
      if (before?.replace(/\d+/g, "") === fault.replace(/\d+/g, "")) return
      yield* Effect.logError(`projection ${one.durable}: ${fault}`)
      yield* noteError(one, fault)
    })

    const noteTroubles = Effect.fnUntraced(
      function*(current: Live | undefined, rebuild: Rebuild | undefined) {
        for (const generation of [current, rebuild].filter((one) => one !== undefined)) {
          const one = running.get(generation.durable)
          if (one === undefined || one.noted === reasonOf(one.trouble)) continue
          one.noted = reasonOf(one.trouble)
          if (one.noted !== undefined) yield* noteError(generation, one.noted)
        }
      }
    )

    const unreadable = (error: unknown) => {
      const message = `the registry of projections cannot be read: ${messageOf(error)}`
      const now = performance.now()
      unreadableSince ??= now
      // The process reports a database that does not answer as such.
      if (isTransient(error) || now - unreadableSince < patience) return Effect.logDebug(message)
      const isNews = registryFault === undefined
      registryFault = message
      return isNews ? Effect.logError(message) : Effect.logDebug(message)
    }

    let building = yield* look
    return {
      follow: Effect.suspend(() => Effect.sleep(building ? "200 millis" : "1 second")).pipe(
        Effect.andThen(look),
        Effect.map((rebuilds) => {
          building = rebuilds
          unreadableSince = undefined
          registryFault = undefined
        }),
        Effect.catch(unreadable),
        Effect.forever
      ),
      troubleOf: (name: string) => {
        const durable = live.get(name) ?? ""
        return registryFault ?? faults.get(durable) ?? reasonOf(running.get(durable)?.trouble)
      }
    }
  }
)
