import { assert, describe, it } from "vitest"
import { Rates } from "../../../src/Admin/Live/Rates.ts"
import type { ProcessCounters } from "../../../src/Domain/ProcessCounters.ts"

const second = 1_000
const start = Date.UTC(2026, 2, 20)

const counted = (instance: string, stored: number, startedAt = start): ProcessCounters => ({
  instance,
  started_at: new Date(startedAt).toISOString(),
  roles: ["ingress"],
  deliveries: { stored },
  projected: {}
})

/** The rate of `stored` at each look. Looks are one second apart. */
const ratesOf = (...looks: ReadonlyArray<ReadonlyArray<ProcessCounters>>) => {
  const rates = new Rates()
  return looks.map((processes, index) => {
    const found = rates.since(processes, start + (10 + index) * second)
    return found && (found.deliveries["stored"] ?? 0)
  })
}

describe("rates of counters", () => {
  it("are unknown at first, then the increase of all processes per second", () => {
    assert.deepStrictEqual(
      ratesOf([counted("a", 1_000), counted("b", 500)], [counted("a", 1_010), counted("b", 505)], [
        counted("a", 1_010),
        counted("b", 505)
      ]),
      [null, 15, 0]
    )
  })

  it("count a restarted process from zero", () => {
    assert.deepStrictEqual(ratesOf([counted("a", 1_000)], [counted("a", 7, start + 10_500)]), [null, 7])
  })

  it("leave out a process that disappears, and what a new process counted before the first look", () => {
    assert.deepStrictEqual(
      ratesOf([counted("a", 10), counted("b", 5)], [counted("a", 12)], [counted("a", 12), counted("c", 900)]),
      [null, 2, 0]
    )
  })

  it("divide by the time since the last answer of a process that did not answer in between", () => {
    assert.deepStrictEqual(ratesOf([counted("a", 10)], [], [counted("a", 30)]), [null, 0, 10])
  })

  it("are never negative, even when a counter decreases", () => {
    assert.deepStrictEqual(ratesOf([counted("a", 10)], [counted("a", 3)]), [null, 0])
  })
})
