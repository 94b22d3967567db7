import { assert, describe, it } from "@effect/vitest"
import type { Instrument } from "../support/Faults/Instruments.ts"
import { type Difference, judgeOf } from "../support/Faults/Witness.ts"

const skipped: Difference = { projection: "scans", kind: "skipped", text: "scans lacks 3 events" }
const saying = (red: boolean, tells: Instrument["tells"] = ["skipped"]): Instrument => ({
  name: "/readyz",
  tells,
  isRed: () => red
})

const judge = () => {
  const seen = { problems: new Array<string>(), longest: 0 }
  return { seen, look: judgeOf(seen, new Map()) }
}

describe("the witness of the faults", () => {
  it("reports an instrument that is green for 30 seconds while a read model lacks events", () => {
    const { look, seen } = judge()
    look([skipped], [saying(false)], 1_000)
    look([skipped], [saying(false)], 30_000)
    assert.deepStrictEqual(seen.problems, [])
    look([skipped], [saying(false)], 32_000)
    assert.deepStrictEqual(seen.problems, ["for 31 s /readyz is green, but scans lacks 3 events"])
  })

  it("counts from the last moment at which the instrument was red, or nothing was missing", () => {
    const { look, seen } = judge()
    look([skipped], [saying(false)], 0)
    look([skipped], [saying(true)], 20_000)
    look([skipped], [saying(false)], 25_000)
    look([], [], 40_000)
    look([skipped], [saying(false)], 45_000)
    look([skipped], [saying(false)], 70_000)
    assert.deepStrictEqual(seen, { problems: [], longest: 25_000 })
  })

  it("asks an instrument only for what it has to tell", () => {
    const { look, seen } = judge()
    look([skipped], [saying(false, ["twice"])], 0)
    look([skipped], [saying(false, ["twice"])], 90_000)
    assert.deepStrictEqual(seen.problems, [])
  })
})
