import { assert, describe, it } from "@effect/vitest"
import { reasonOf } from "../../src/Projector/Follow.ts"

describe("the trouble of a projection", () => {
  const trouble = { failures: 1, reason: "deadlock detected", failedAt: 1_000, limited: () => undefined }

  it("has the reason of the last failure while events can come back to this instance", () => {
    assert.strictEqual(reasonOf(trouble, 121_000), "deadlock detected")
  })

  it("has no reason when nothing has failed since: another instance has applied the events", () => {
    assert.strictEqual(reasonOf(trouble, 151_001), undefined)
  })
})
