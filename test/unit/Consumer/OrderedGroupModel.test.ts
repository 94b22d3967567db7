// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { everything, type Planted, schedule, type Verdict } from "../../support/GroupModel.ts"

const seeds = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

/** The violations of all schedules, each with the seed that reproduces it. */
const wrong = (verdicts: ReadonlyArray<readonly [seed: number, Verdict]>) =>
  verdicts.flatMap(([seed, { violations }]) => violations.map((violation) => `seed ${seed}: ${violation}`))

const run = (count: number, planted?: Planted) =>
  seeds(count).map((seed) => [seed, schedule(seed, planted)] as const)

const sum = (verdicts: ReadonlyArray<readonly [number, Verdict]>, of: (verdict: Verdict) => number) =>
  verdicts.reduce((total, [, verdict]) => total + of(verdict), 0)

describe("an ordered group in 1,000 random schedules of joins, leaves, deaths, stalls, suspensions, delays, lags and outages", () => {
  it(
    "handles every event, each key in order and by one member at a time, and balances when calm",
    () => {
      const verdicts = run(1_000)
      assert.deepStrictEqual(wrong(verdicts), [])
      // The schedules contain enough faults to test something.
      assert.strictEqual(sum(verdicts, ({ events }) => events), 150_000)
      const troubles = [
        "deaths",
        "stalls",
        "suspensions",
        "lags",
        "takeovers",
        "conflicts",
        "fenced"
      ] as const
      for (const trouble of troubles) {
        assert.isAbove(sum(verdicts, (verdict) => verdict[trouble]), 300, trouble)
      }
      assert.isBelow(sum(verdicts, ({ duplicates }) => duplicates), 10_000)
    },
    240_000
  )

  it("handles events out of order without the fence", () => {
    const found = wrong(run(100, { noFence: true }))
    assert.isAbove(found.length, 10)
    for (const violation of found) assert.match(violation, /after a newer owner/)
  }, 60_000)

  it("moves a checkpoint back when the store accepts writes on any revision", () => {
    const found = wrong(run(100, { noCas: true }))
    assert.isAbove(found.length, 10)
    assert.match(found.join("\n"), /moved the checkpoint of \d back/)
  }, 60_000)

  const naive: ReadonlyArray<readonly [title: string, seeds: number, planted: Planted]> = [
    ["renews its lease before it has read the store", 50, { renewsEarly: true }],
    ["believes a replica that lacks its own heartbeat", 50, { trustsAnyReplica: true, provesNothing: true }],
    ["writes nothing before it begins after a stall", 220, { provesNothing: true }],
    ["does not notice that its machine was suspended", 50, { noWallClock: true }]
  ]
  for (const [title, count, planted] of naive) {
    it(`begins events of lost partitions when a member ${title}`, () => {
      const found = wrong(run(count, planted))
      assert.isAbove(found.length, 0)
      for (const violation of found) assert.match(violation, /began \d+ of \d, which has token/)
    }, 60_000)
  }

  it("has no violations and almost no duplicates when members only join and leave", () => {
    const mix = { ...everything, deaths: false, stalls: false, outages: false }
    const verdicts = seeds(100).map((seed) => [seed, schedule(seed, {}, mix)] as const)
    assert.deepStrictEqual(wrong(verdicts), [])
    assert.isBelow(sum(verdicts, ({ duplicates }) => duplicates), 15, "of 15,000, where answers were lost")
  }, 60_000)
})
