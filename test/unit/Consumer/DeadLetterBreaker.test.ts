import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  DeadLetterBreaker,
  retryLimited,
  share,
  tolerated,
  window
} from "../../../src/Consumer/DeadLetterBreaker.ts"
import { ack, deadLetter, type Outcome, retryAfter } from "../../../src/Consumer/Outcome.ts"
import { delivered } from "../../support/Specification.ts"

const { event } = delivered(1, "evt_1", "scan.created", {})
const dead = deadLetter("poison")

/** The sequence of the last event. */
let last = 0

/** Settles `count` new events that have the same outcome. */
const settle = (limit: DeadLetterBreaker, count: number, outcome: Outcome, more = {}) =>
  Effect.runSync(limit.settle(
    Array.from({ length: count }, () => ({ ...event, sequence: ++last, ...more })),
    Array.from({ length: count }, () => outcome)
  ))

const deadOf = (outcomes: ReadonlyArray<Outcome>) =>
  outcomes.filter(({ _tag }) => _tag === "DeadLetter").length

describe("the dead letter breaker", () => {
  it("sets aside a single poison event, even when there are no other events", () => {
    assert.deepStrictEqual(settle(new DeadLetterBreaker(["scan.created"]), 1, dead), [dead])
  })

  it("stops dead letters at the tolerated number when every event fails, and retries the others later", () => {
    const limit = new DeadLetterBreaker(["scan.created"])
    const outcomes = settle(limit, 500, dead)
    assert.strictEqual(deadOf(outcomes), tolerated)
    assert.deepStrictEqual(outcomes.at(-1), retryAfter(retryLimited))
    assert.match(limit.reason ?? "", /^50 of the last 50 events .* No event is skipped.*poison$/)
    assert.strictEqual(deadOf(settle(limit, 500, dead)), 0)
  })

  it("never trips while the share of dead letters is small", () => {
    const limit = new DeadLetterBreaker(["scan.created"])
    for (let round = 0; round < 1_000; round++) {
      settle(limit, Math.ceil(1 / share), ack)
      assert.deepStrictEqual(settle(limit, 1, dead), [dead])
    }
    assert.isUndefined(limit.reason)
  })

  it("resets itself when other events succeed again", () => {
    const limit = new DeadLetterBreaker(["scan.created"])
    settle(limit, 100, dead)
    settle(limit, window - tolerated, ack)
    assert.isUndefined(limit.reason)
    assert.strictEqual(deadOf(settle(limit, 10, dead)), 10)
  })

  it("does not count events that the projection does not use as successes", () => {
    const limit = new DeadLetterBreaker(["scan.created"])
    settle(limit, 10_000, ack, { type: "menu.opened" })
    assert.strictEqual(deadOf(settle(limit, 500, dead)), tolerated)
  })

  it("does not stop what is redriven", () => {
    const limit = new DeadLetterBreaker(["scan.created"])
    assert.strictEqual(deadOf(settle(limit, 500, dead, { redriven: true })), 500)
    assert.isUndefined(limit.reason)
  })
  it("counts a dead letter that the broker delivers again once", () => {
    const limit = new DeadLetterBreaker(["scan.created"])
    for (let delivery = 0; delivery < 2 * tolerated; delivery++) {
      assert.deepStrictEqual(settle(limit, 1, dead, { sequence: 1, deliveries: delivery + 1 }), [dead])
    }
    assert.strictEqual(deadOf(settle(limit, tolerated, dead)), tolerated - 1)
    assert.match(limit.reason ?? "", /^50 of the last 50 events/)
    // It stays a dead letter when the limit is reached.
    assert.deepStrictEqual(settle(limit, 1, dead, { sequence: 1 }), [dead])
  })

  it("counts the last outcome of an event, and no success twice", () => {
    const limit = new DeadLetterBreaker(["scan.created"])
    settle(limit, 1, dead, { sequence: 1 })
    settle(limit, 1, ack, { sequence: 1 })
    assert.strictEqual(deadOf(settle(limit, tolerated, dead)), tolerated)
    const once = new DeadLetterBreaker(["scan.created"])
    for (let delivery = 0; delivery < window; delivery++) settle(once, 1, ack, { sequence: 1 })
    assert.strictEqual(deadOf(settle(once, window, dead)), tolerated)
  })
})
