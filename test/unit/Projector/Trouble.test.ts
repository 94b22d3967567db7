import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, References } from "effect"
import { lineOf } from "../../../src/Process/Telemetry.ts"
import { noteFailure, noteSuccess, reasonOf } from "../../../src/Projector/Trouble.ts"

describe("the reported failure of a projection", () => {
  const trouble = { failures: 1, reason: "deadlock detected", failedAt: 1_000, limited: () => undefined }

  it("is the last one while events can be redelivered to this instance", () => {
    assert.strictEqual(reasonOf(trouble, 121_000), "deadlock detected")
  })

  it("ends when nothing else has failed: another instance has applied the events", () => {
    assert.strictEqual(reasonOf(trouble, 151_001), undefined)
  })

  it.effect("is logged as a warning once per reason, until a batch is applied", () =>
    Effect.gen(function*() {
      const trouble = { failures: 0, reason: undefined, failedAt: 0, limited: () => undefined }
      const lines: Array<string> = []
      const logger = Logger.make((options) => void lines.push(lineOf(options).slice(13)))
      yield* Effect.gen(function*() {
        for (
          const reason of [
            "connection refused",
            "connection refused",
            "deadlock detected",
            "deadlock detected"
          ]
        ) {
          yield* noteFailure(trouble, "scans", reason)
        }
        noteSuccess(trouble)
        yield* noteFailure(trouble, "scans", "deadlock detected")
      }).pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, "Debug")
      )
      const refused = "projection scans waits for the database: connection refused"
      const deadlock = "projection scans waits for the database: deadlock detected"
      assert.deepStrictEqual(lines, [
        `WARN  ${refused}`,
        `DEBUG ${refused}`,
        `WARN  ${deadlock}`,
        `DEBUG ${deadlock}`,
        `WARN  ${deadlock}`
      ])
      assert.strictEqual(trouble.failures, 1)
    }))
})
