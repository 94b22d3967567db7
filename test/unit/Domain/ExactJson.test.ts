// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Buffer } from "node:buffer"
import { pretty } from "../../../src/Cli/Events/ShowEvents.ts"
import { apply, parse } from "../../../src/Cli/Trigger/Override.ts"
import { parseExact, storable } from "../../../src/Domain/ExactJson.ts"
import { judge } from "../../../src/Jobs/Reconciliations/Candidate.ts"

const digits = [
  "1524831183200260097",
  "-0.12345678901234567890",
  "12345678901234567890.5e3",
  "1e400",
  "-1E-400"
]

describe("exact JSON", () => {
  it("keeps the digits of numbers that JavaScript rounds", () => {
    for (const number of digits) {
      const text = `{"a":[${number}],"b":"${number}"}`
      assert.strictEqual(JSON.stringify(parseExact(text)), text)
    }
  })

  it("parses numbers that JavaScript can represent as usual, however they are written", () => {
    for (const number of ["0", "-0", "6.0", "0.10", "1e2", "100E-2", "9007199254740991", "1e23", "5e-324"]) {
      assert.deepStrictEqual(parseExact(`[${number}]`), JSON.parse(`[${number}]`), number)
    }
  })

  it("is used to show an event, to send one with trigger, and to store a reconciled scan", () => {
    const number = "1524831183200260097"
    assert.strictEqual(pretty(`{"n":${number}}`), `{\n  "n": ${number}\n}`)
    const override = parse(`data.n=${number}`)
    assert.isDefined(override)
    const changed = apply({ data: { m: parseExact("1e400") } }, override)
    assert.strictEqual(
      changed._tag === "Success" ? JSON.stringify(changed.success) : changed.failure,
      `{"data":{"m":1e400,"n":${number}}}`
    )
    const judged = judge(parseExact(`{"id":"scan_1","metadata":{"n":${number}}}`))
    assert.include(
      judged._tag === "Candidate" ? Buffer.from(judged.event.body).toString() : judged.reason,
      number
    )
  })
})

describe("JSON for the database", () => {
  it("has strings instead of numbers that jsonb cannot store, and is otherwise unchanged", () => {
    const long = "9".repeat(2_000)
    assert.strictEqual(
      storable(`{"a":1e1000,"b":[-1E-200000,1e+00001000],"c":"1e2000 \\" 1e3000","d":${long}}`),
      `{"a":"1e1000","b":["-1E-200000","1e+00001000"],"c":"1e2000 \\" 1e3000","d":"${long}"}`
    )
    for (
      const same of [
        "{\"a\":1e999,\"b\":1e-0999,\"c\":\"e1234\"}",
        "1e0000000005",
        `{"a":"${"9".repeat(2_000)}"}`
      ]
    ) {
      assert.strictEqual(storable(same), same)
    }
  })

  it("is computed within a second for a megabyte of digits", () => {
    const runs = `[${Array.from({ length: 1_000 }, () => "9".repeat(999)).join(",")}]`
    const started = performance.now()
    assert.strictEqual(storable(runs), runs)
    assert.isBelow(performance.now() - started, 1_000)
  })
})
