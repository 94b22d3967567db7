import { assert, describe, it } from "@effect/vitest"
import { everything, type Planted, schedule, type Verdict } from "../support/GroupModel.ts"

const seeds = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

/** What is wrong with each schedule, with the seed that repeats it. */
const wrong = (verdicts: ReadonlyArray<readonly [seed: number, Verdict]>) =>
  verdicts.flatMap(([seed, { violations }]) => violations.map((violation) => `seed ${seed}: ${violation}`))

const run = (count: number, planted?: Planted) =>
  seeds(count).map((seed) => [seed, schedule(seed, planted)] as const)

const sum = (verdicts: ReadonlyArray<readonly [number, Verdict]>, of: (verdict: Verdict) => number) =>
  verdicts.reduce((total, [, verdict]) => total + of(verdict), 0)

describe("an ordered group in 1,000 random schedules of joins, leaves, deaths, stalls, delays and outages", () => {
  it(
    "handles every event, each key in order and by one at a time, and shares evenly when all is calm",
    () => {
      const verdicts = run(1_000)
      assert.deepStrictEqual(wrong(verdicts), [])
      // What there was to go wrong.
      assert.strictEqual(sum(verdicts, ({ events }) => events), 150_000)
      for (const trouble of ["deaths", "stalls", "takeovers", "conflicts", "fenced"] as const) {
        assert.isAbove(sum(verdicts, (verdict) => verdict[trouble]), 500, trouble)
      }
      assert.isBelow(sum(verdicts, ({ duplicates }) => duplicates), 10_000)
    },
    240_000
  )

  it("is seen to handle out of order when the fence is taken away", () => {
    const found = wrong(run(100, { noFence: true }))
    assert.isAbove(found.length, 10)
    for (const violation of found) assert.match(violation, /after a newer owner/)
  }, 60_000)

  it("is seen to lose its place when the store takes writes on any revision", () => {
    const found = wrong(run(100, { noCas: true }))
    assert.isAbove(found.length, 10)
    assert.match(found.join("\n"), /moved the checkpoint of \d back/)
  }, 60_000)

  it("hands nothing to two when members only come and go", () => {
    const mix = { ...everything, deaths: false, stalls: false, outages: false }
    const verdicts = seeds(100).map((seed) => [seed, schedule(seed, {}, mix)] as const)
    assert.deepStrictEqual(wrong(verdicts), [])
    assert.isBelow(sum(verdicts, ({ duplicates }) => duplicates), 15, "of 15,000, where answers were lost")
  }, 60_000)
})
