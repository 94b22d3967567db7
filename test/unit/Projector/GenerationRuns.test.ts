import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { ConsumerUnavailable } from "../../../src/Consumer/Durable.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { generationRuns } from "../../../src/Projector/Rebuild/GenerationRuns.ts"
import type { Live } from "../../../src/Projector/Registry.ts"

const one: Live = {
  name: "scans",
  generation: 1,
  version: 3,
  claimed_version: 3,
  revision: 1,
  types: null,
  error: null,
  error_at: null,
  log: null,
  durable: "scans-1",
  tables: null
}

describe("the runs of generations", () => {
  it.effect("are retried a second after a failure, and show its reason until it is old", () =>
    Effect.gen(function*() {
      let attempts = 0
      const runs = yield* generationRuns(() =>
        Effect.suspend(() =>
          ++attempts === 1
            ? Effect.fail(new ConsumerUnavailable({ message: "no such stream", permitted: true }))
            : Effect.never
        )
      )
      yield* runs.start(scans, one)
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(attempts, 1)
      runs.note("scans-1", "no such stream")
      assert.deepStrictEqual([...yield* runs.reasons], [
        ["scans-1", { noted: "no such stream", reason: "no such stream" }]
      ])
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(attempts, 2)
      yield* TestClock.adjust("150 seconds")
      assert.deepStrictEqual([...yield* runs.reasons], [
        ["scans-1", { noted: "no such stream", reason: undefined }]
      ])
    }).pipe(Effect.provide(ProcessHealth.layer)))

  it.effect("end when they are stopped, and the caller does not wait for the end", () =>
    Effect.gen(function*() {
      let ended = false
      const runs = yield* generationRuns(() =>
        Effect.never.pipe(
          Effect.ensuring(Effect.andThen(Effect.sleep("1 minute"), Effect.sync(() => void (ended = true))))
        )
      )
      yield* runs.start(scans, one)
      yield* TestClock.adjust(0)
      yield* runs.stop("scans-1")
      assert.deepStrictEqual([...yield* runs.reasons], [])
      yield* TestClock.adjust("59 seconds")
      assert.isFalse(ended)
      yield* TestClock.adjust("1 second")
      assert.isTrue(ended)
    }).pipe(Effect.provide(ProcessHealth.layer)))
})
