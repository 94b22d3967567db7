import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { failedWith } from "../../../src/Cli/Examine/Finding.ts"
import { judge } from "../../../src/Cli/Examine/TimeToAck.ts"
import { within } from "../../../src/Cli/Examine/Within.ts"

describe("the doctor", () => {
  it.live("does not wait for a check that cannot be interrupted", () =>
    Effect.gen(function*() {
      const gaveUp = Effect.succeed("gave up")
      const stuck = Effect.uninterruptible(Effect.never)
      assert.strictEqual(yield* within(stuck, 20, () => gaveUp), "gave up")
      assert.strictEqual(yield* within(Effect.succeed("done"), 10_000, () => gaveUp), "done")
    }))

  it("warns about an ack that takes longer than 0.5 s, and fails one that takes longer than 3 s", () => {
    assert.deepStrictEqual([500, 501, 3_000, 3_001].map((millis) => judge(millis, 5).state), [
      "ok",
      "warning",
      "warning",
      "failed"
    ])
  })

  it("reports an error's first sentence as the observation and the rest as the remedy", () => {
    assert.deepStrictEqual(failedWith(new Error("No file 1.2.json in a.b: gone. Make one. Or two.")), {
      state: "failed",
      seen: "No file 1.2.json in a.b: gone.",
      remedy: "Make one. Or two."
    })
    assert.deepStrictEqual(failedWith(new Error("it broke")), { state: "failed", seen: "it broke" })
  })
})
