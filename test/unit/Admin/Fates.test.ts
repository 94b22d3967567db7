// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { fateOf, type Records } from "../../../src/Admin/EventLife/Fates.ts"
import { eventSubject } from "../../../src/EventLog/Names.ts"

const place = {
  name: "scans",
  generation: 1,
  durable: "scans_1",
  applied: undefined,
  forgotten: undefined,
  repeated: []
}
const scan = { sequence: 7, subject: eventSubject("qr.scanned"), quarantined: null }
const records: Records = {
  stored: [scan],
  letters: [],
  consumers: [{ name: "scans_1", finished_to: 9, lag: 2 }],
  discarded: new Set(),
  projections: [{ name: "scans", types: ["qr.scanned"] }]
}
const letter = { id: "scans_1:7", consumer: "scans_1", error: "the country is missing", attempts: 3 }
const stateIn = (changes: Partial<Records>, applied?: number) =>
  fateOf({ ...records, ...changes }, { ...place, applied }).state

describe("the fate of an event in a projection", () => {
  it("is that it was applied, even when its repetition is a dead letter", () => {
    assert.strictEqual(stateIn({ letters: [letter] }, 7), "applied")
  })

  it("is that it is a dead letter of this projection, with its error", () => {
    assert.deepStrictEqual(fateOf({ ...records, letters: [letter] }, place), {
      name: "scans",
      generation: 1,
      durable: "scans_1",
      state: "dead_letter",
      sequence: null,
      repeated: [],
      dead_letter: { id: "scans_1:7", error: "the country is missing", attempts: 3 },
      finished_to: 9,
      lag: 2
    })
    assert.strictEqual(stateIn({ letters: [{ ...letter, consumer: "codes_1" }] }), "unknown")
  })

  it("is that its dead letter was discarded", () => {
    assert.strictEqual(stateIn({ discarded: new Set(["scans_1:7"]) }), "discarded")
    assert.strictEqual(stateIn({ discarded: new Set(["codes_1:7"]) }), "unknown")
  })

  it("is that it waits, until its consumer has finished it or without a consumer", () => {
    assert.strictEqual(stateIn({ stored: [{ ...scan, sequence: 10 }] }), "waiting")
    assert.strictEqual(stateIn({ consumers: [] }), "waiting")
  })

  it("is that the projection does not receive it: it has another type, or is in quarantine", () => {
    const other = { ...scan, subject: eventSubject("other.type") }
    assert.strictEqual(stateIn({ stored: [other] }), "not_mine")
    assert.strictEqual(stateIn({ stored: [{ ...other, quarantined: "schema" }] }), "quarantined")
  })
})
