import { Effect, Exit, Schedule, Scope } from "effect"
import type { ConsumerUnavailable } from "../../Consumer/Durable.ts"
import { monotonicMillis } from "../../Process/Monotonic.ts"
import { ProcessHealth } from "../../Process/ProcessHealth.ts"
import type { Projection } from "../Projection.ts"
import type { Live, Rebuild } from "../Registry.ts"
import { reasonOf, type Trouble } from "../Trouble.ts"

/** Applies the events of one generation of a projection, until it is interrupted. */
export type Run<R> = (
  projection: Projection,
  one: Live | Rebuild,
  trouble: Trouble
) => Effect.Effect<never, ConsumerUnavailable, R>

interface Running {
  readonly scope: Scope.Closeable
  readonly trouble: Trouble
  noted: string | undefined
}

/** Runs the generations whose events this process applies, by durable consumer. */
export const generationRuns = Effect.fnUntraced(function*<R>(run: Run<R>) {
  const scope = yield* Effect.scope
  const health = yield* ProcessHealth
  const running = new Map<string, Running>()

  /** Runs a generation until it is stopped. A failed run is retried after a second. */
  const start = Effect.fnUntraced(function*(projection: Projection, one: Live | Rebuild) {
    const { durable } = one
    const trouble: Trouble = { failures: 0, reason: undefined, failedAt: 0, limited: () => undefined }
    const own = yield* Scope.fork(scope)
    running.set(durable, { scope: own, trouble, noted: undefined })
    const worker = run(projection, one, trouble).pipe(
      Effect.tapError(({ message }) =>
        Effect.flatMap(monotonicMillis, (now) => {
          trouble.reason = message
          trouble.failedAt = now
          return Effect.logWarning(message)
        })
      ),
      Effect.retry(Schedule.spaced("1 second"))
    )
    yield* health.run(`projection ${durable}`, worker).pipe(Scope.provide(own))
  })

  /** Stops a generation in the background. Its events go back to the broker when its current batch has ended. */
  const stop = Effect.fnUntraced(function*(durable: string) {
    const one = running.get(durable)
    if (one === undefined) return
    running.delete(durable)
    yield* Effect.forkIn(Scope.close(one.scope, Exit.void), scope)
  })

  return {
    start,
    stop,
    /** Why each generation does not advance now, and the reason that the registry shows. */
    reasons: Effect.map(monotonicMillis, (now) =>
      new Map(
        Array.from(
          running,
          ([durable, { noted, trouble }]) => [durable, { noted, reason: reasonOf(trouble, now) }]
        )
      )),
    /** Remembers the reason that the registry shows for a generation. */
    note: (durable: string, reason: string | undefined) => {
      const one = running.get(durable)
      if (one !== undefined) one.noted = reason
    }
  }
})
