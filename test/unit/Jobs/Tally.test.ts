// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Tally } from "../../../src/Jobs/Reconciliations/Tally.ts"

describe("the counts of a reconciliation", () => {
  it("count every scan without an event as missing, and as repaired or unusable when it is", () => {
    const tally = new Tally()
    tally.seen(200, 1)
    tally.repaired("a")
    tally.stillMissing("b")
    tally.unusable({ id: "c", reason: "data.scanned_at" })
    tally.unusable({ id: null, reason: "no id" })
    assert.deepStrictEqual(tally.counts, {
      seen: 200,
      missing: 4,
      appended: 1,
      dead_lettered: 1,
      unusable: 2,
      repaired_examples: ["a"],
      still_missing_examples: ["b", "c"],
      unusable_examples: [{ id: "c", reason: "data.scanned_at" }, { id: null, reason: "no id" }]
    })
  })

  it("keep 100 repaired, 100 missing and 20 unusable scans as examples", () => {
    const tally = new Tally()
    for (let number = 0; number < 150; number++) {
      tally.repaired(`r${number}`)
      tally.unusable({ id: `u${number}`, reason: "too large" })
    }
    const { counts } = tally
    assert.strictEqual(counts.missing, 300)
    assert.lengthOf(counts.repaired_examples, 100)
    assert.lengthOf(counts.still_missing_examples, 100)
    assert.lengthOf(counts.unusable_examples, 20)
  })
})
