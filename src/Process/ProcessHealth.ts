import { Cause, Context, Deferred, Effect, Exit, Layer, Schema, type Scope } from "effect"

/** A worker that must run as long as the process has ended. */
export class WorkerDied extends Schema.TaggedError<WorkerDied>()("WorkerDied", { message: Schema.String }) {}

/** A part of the process that is not ready, and why. */
export interface Fault {
  readonly part: string
  readonly reason: string
}

/** Supervises the workers of the process, and collects its faults. The process ends when a worker ends. */
export class ProcessHealth extends Context.Service<ProcessHealth, {
  /** Adds a part whose fault is evaluated at every readiness check, until the scope closes. */
  readonly watch: (
    part: string,
    fault: Effect.Effect<string | undefined>
  ) => Effect.Effect<void, never, Scope.Scope>
  /** Runs a worker concurrently until the scope closes. */
  readonly run: <E, R>(
    part: string,
    worker: Effect.Effect<never, E, R>
  ) => Effect.Effect<void, never, R | Scope.Scope>
  readonly faults: Effect.Effect<ReadonlyArray<Fault>>
  /** Fails when the first worker ends. */
  readonly died: Effect.Effect<never, WorkerDied>
}>()("threeqpr-events/ProcessHealth") {
  static readonly layer = Layer.sync(ProcessHealth, () => {
    const parts = new Map<string, Effect.Effect<string | undefined>>()
    const died = Deferred.makeUnsafe<never, WorkerDied>()
    return ProcessHealth.of({
      watch: (part, fault) =>
        Effect.acquireRelease(
          Effect.sync(() => void parts.set(part, fault)),
          () => Effect.sync(() => void parts.delete(part))
        ),
      run: (part, worker) =>
        worker.pipe(
          Effect.onExit((exit) =>
            Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)
              ? Deferred.fail(died, new WorkerDied({ message: `${part} ended: ${Cause.pretty(exit.cause)}` }))
              : Effect.void
          ),
          Effect.forkScoped,
          Effect.asVoid
        ),
      faults: Effect.suspend(() =>
        Effect.map(
          Effect.forEach([...parts], ([part, fault]) =>
            Effect.map(fault, (reason) => reason === undefined ? [] : [{ part, reason }])),
          (faults) =>
            faults.flat()
        )
      ),
      died: Deferred.await(died)
    })
  })
}
