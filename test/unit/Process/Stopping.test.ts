// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Logger, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { noteWhenStopped, report } from "../../../src/Process/Stopping.ts"
import { lineOf } from "../../../src/Process/Telemetry.ts"

/** A part that takes this long to stop. */
const part = (millis: number) => Layer.effectDiscard(Effect.addFinalizer(() => Effect.sleep(millis)))

/** Layers in the order of `serve`: listeners depend on projections, and those on engines. */
const parts = (listeners: number, projections: number, engines: number) =>
  Layer.mergeAll(part(listeners), part(0)).pipe(
    Layer.provide(noteWhenStopped("requests in progress")),
    Layer.provide(part(projections)),
    Layer.provide(noteWhenStopped("batches of projections")),
    Layer.provide(part(engines))
  )

/** The log lines of a process that is interrupted after its start. */
const linesOf = (process: Effect.Effect<unknown, never, Scope.Scope>) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const logger = Logger.make((options) => void lines.push(lineOf(options).slice(13)))
    const fiber = yield* Effect.forkChild(report(process).pipe(Effect.provide(Logger.layer([logger]))))
    yield* TestClock.adjust("1 second")
    const interrupted = yield* Effect.forkChild(Fiber.interrupt(fiber))
    yield* TestClock.adjust("20 seconds")
    yield* Fiber.join(interrupted)
    return lines
  })

const running = (layer: Layer.Layer<never>) => Effect.andThen(Layer.build(layer), Effect.never)

describe("the log of the shutdown of serve", () => {
  it.effect("has a line when it stops, and one when it has stopped, with the causes of the delay", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* linesOf(running(parts(1_500, 20, 300))), [
        "INFO  stopping: finishing requests and batches in progress, within 25 s",
        "INFO  stopped after 1.8 s. It waited for requests in progress (1.5 s), the broker and the database (0.3 s)"
      ])
      assert.deepStrictEqual(yield* linesOf(running(parts(0, 700, 0))), [
        "INFO  stopping: finishing requests and batches in progress, within 25 s",
        "INFO  stopped after 0.7 s. It waited for batches of projections (0.7 s)"
      ])
    }))

  it.effect("names no cause when nothing took time, also during the start", () =>
    Effect.gen(function*() {
      const expected = [
        "INFO  stopping: finishing requests and batches in progress, within 25 s",
        "INFO  stopped after 0.0 s"
      ]
      assert.deepStrictEqual(yield* linesOf(Effect.never), expected)
      assert.deepStrictEqual(yield* linesOf(running(parts(0, 0, 0))), expected)
    }))

  it.effect("is empty when a part fails, because failures are reported elsewhere", () =>
    Effect.gen(function*() {
      const lines: Array<unknown> = []
      const logger = Logger.make(({ message }) => void lines.push(message))
      yield* Effect.exit(report(Effect.fail("broken"))).pipe(Effect.provide(Logger.layer([logger])))
      assert.deepStrictEqual(lines, [])
    }))
})
