import { assert, describe, it } from "@effect/vitest"
import { BatchSize, largest } from "../../../src/Projector/Apply/BatchSize.ts"

describe("the size of a batch", () => {
  it("grows up to a maximum while full batches are fast", () => {
    const size = new BatchSize()
    const sizes = Array.from({ length: 5 }, () => {
      size.took(size.now, 20)
      return size.now
    })
    assert.deepStrictEqual(sizes, [1_000, 2_000, largest, largest, largest])
  })

  it("does not grow after a batch that is not full, or after a slow one", () => {
    const size = new BatchSize()
    size.took(10, 1)
    size.took(size.now, 300)
    assert.strictEqual(size.now, 500)
  })

  it("shrinks while batches are slow, and grows back", () => {
    const size = new BatchSize()
    for (let batch = 0; batch < 10; batch++) size.took(size.now, 2_000)
    assert.strictEqual(size.now, 50)
    for (let batch = 0; batch < 10; batch++) size.took(size.now, 10)
    assert.strictEqual(size.now, largest)
  })
})
