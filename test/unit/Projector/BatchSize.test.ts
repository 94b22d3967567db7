import { assert, describe, it } from "@effect/vitest"
import { BatchSize, largest } from "../../../src/Projector/Apply/BatchSize.ts"

describe("the size of a batch", () => {
  it("grows while full batches are fast, to a bound", () => {
    const size = new BatchSize()
    const sizes = Array.from({ length: 5 }, () => {
      size.took(size.now, 20)
      return size.now
    })
    assert.deepStrictEqual(sizes, [1_000, 2_000, largest, largest, largest])
  })

  it("does not grow by batches that were not full, nor by slow ones", () => {
    const size = new BatchSize()
    size.took(10, 1)
    size.took(size.now, 300)
    assert.strictEqual(size.now, 500)
  })

  it("shrinks when batches take long, and comes back", () => {
    const size = new BatchSize()
    for (let batch = 0; batch < 10; batch++) size.took(size.now, 2_000)
    assert.strictEqual(size.now, 50)
    for (let batch = 0; batch < 10; batch++) size.took(size.now, 10)
    assert.strictEqual(size.now, largest)
  })
})
