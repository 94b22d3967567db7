import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { lastingFailure } from "../../../src/Process/LastingFailure.ts"

describe("a failure of repeated work", () => {
  it.effect("is a fault after 30 seconds, until the work succeeds", () =>
    Effect.gen(function*() {
      const { failed, fault, succeeded } = yield* lastingFailure
      yield* failed("no room")
      yield* TestClock.adjust("29 seconds")
      yield* failed("no room")
      assert.isUndefined(yield* fault)
      yield* TestClock.adjust("1 second")
      yield* failed("still no room")
      assert.strictEqual(yield* fault, "still no room")
      yield* succeeded
      assert.isUndefined(yield* fault)
      yield* failed("no room")
      assert.isUndefined(yield* fault)
    }))
})
