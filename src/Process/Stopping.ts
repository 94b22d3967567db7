import { Context, Effect, Layer } from "effect"
import { monotonicMillis } from "./Monotonic.ts"

/** Time limit of an orderly stop, in milliseconds. */
export const stopTimeout = 25_000

/** Shorter waits are not logged, in milliseconds. */
const worthReporting = 100

/** The time at which each part of the process stopped, in order. */
const Stopped = Context.Reference<Array<{ readonly part: string; readonly at: number }>>(
  "threeqpr-events/Stopped",
  {
    defaultValue: () => []
  }
)

/** Records when everything above this layer has stopped. `part` names what the stop waits for. */
export const noteWhenStopped = (part: string) =>
  Layer.effectDiscard(Effect.gen(function*() {
    const stopped = yield* Stopped
    yield* Effect.addFinalizer(() => Effect.map(monotonicMillis, (at) => void stopped.push({ part, at })))
  }))

/** Runs a process until it is interrupted. Then logs that it stops, and how long it waited for each part. */
export const report = <A, E, R>(process: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const stopped: Array<{ readonly part: string; readonly at: number }> = []
    let began = 0
    return Effect.scoped(
      process.pipe(
        Effect.onInterrupt(() =>
          Effect.gen(function*() {
            began = yield* monotonicMillis
            const limit = stopTimeout / 1_000
            yield* Effect.logInfo(`stopping: finishing requests and batches in progress, within ${limit} s`)
          })
        )
      )
    ).pipe(
      Effect.onInterrupt(() =>
        Effect.gen(function*() {
          const ended = yield* monotonicMillis
          const waits = [...stopped, { part: "the broker and the database", at: ended }].flatMap(
            ({ part, at }, index) => {
              const waited = at - (stopped[index - 1]?.at ?? began)
              return waited < worthReporting ? [] : [`${part} (${seconds(waited)})`]
            }
          )
          const waited = waits.length === 0 ? "" : `. It waited for ${waits.join(", ")}`
          yield* Effect.logInfo(`stopped after ${seconds(ended - began)}${waited}`)
        })
      ),
      Effect.provideService(Stopped, stopped)
    )
  })

const seconds = (millis: number) => `${(millis / 1_000).toFixed(1)} s`
