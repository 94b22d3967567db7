// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { fromStored, toStored } from "../../../src/Jobs/Reconciliations/Examples.ts"

const unusable_examples = [{ id: "c", reason: "data.scanned_at" }, { id: null, reason: "no id" }]

describe("the examples of missing scans", () => {
  it("are stored by outcome: repaired, still missing or unusable", () => {
    const repaired = { repaired_examples: ["a", "b"], still_missing_examples: [], unusable_examples: [] }
    const dry = { repaired_examples: [], still_missing_examples: ["a", "b"], unusable_examples: [] }
    const some = { repaired_examples: ["a", "b"], still_missing_examples: ["c"], unusable_examples }
    assert.deepStrictEqual(fromStored(toStored(repaired), false), repaired)
    assert.deepStrictEqual(fromStored(toStored(dry), true), dry)
    assert.deepStrictEqual(fromStored(toStored(some), false), some)
  })

  it("of the previous version are classified by the kind of run and by the unusable ones", () => {
    const missing = ["a", "b", "c"]
    const unusable = unusable_examples
    assert.deepStrictEqual(fromStored({ missing, unusable }, false), {
      repaired_examples: ["a", "b"],
      still_missing_examples: ["c"],
      unusable_examples
    })
    assert.deepStrictEqual(fromStored({ missing, unusable }, true).still_missing_examples, missing)
    assert.deepStrictEqual(fromStored(missing, false).repaired_examples, missing)
  })
})
