// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import { PointInTime } from "../../../src/Domain/PointInTime.ts"

const read = Schema.decodeUnknownEffect(PointInTime)

describe("a point in time", () => {
  it.effect("is a timestamp, a date in UTC, or a duration before now", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.parse("2026-03-20T12:00:00Z"))
      const times = {
        "2026-03-20T15:30:00+02:00": "2026-03-20T15:30:00+02:00",
        "2026-03-20": "2026-03-20T00:00:00Z",
        "2024-02-29": "2024-02-29T00:00:00Z",
        "15m": "2026-03-20T11:45:00.000Z",
        "2h": "2026-03-20T10:00:00.000Z",
        "30d": "2026-02-18T12:00:00.000Z",
        "90 days": "2025-12-20T12:00:00.000Z"
      }
      for (const [text, expected] of Object.entries(times)) assert.strictEqual(yield* read(text), expected)
    }))

  it.effect("is explained with its allowed formats if the input is invalid", () =>
    Effect.gen(function*() {
      for (const text of ["yesterday", "", "2026-02-30", "2023-02-29", "2026-3-20", "tomorrow", "2y"]) {
        const { message } = yield* Effect.flip(read(text))
        assert.include(
          message,
          "a date (2026-03-20), a date and time (2026-03-20T15:30:00Z), or how long ago",
          text
        )
      }
    }))
})
