// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Outcome } from "../../../src/Provider/Simulator/Delivery.ts"
import { Latency } from "../../../src/Provider/Simulator/Latency.ts"
import { Ledger } from "../../../src/Provider/Simulator/Ledger.ts"
import * as Plan from "../../../src/Provider/Simulator/Plan.ts"
import { reportOf } from "../../../src/Provider/Simulator/Report.ts"

const answer = (status: number, body: object = {}): Outcome => ({
  _tag: "Answered",
  status,
  body: JSON.stringify(body)
})

const reset: Outcome = { _tag: "Unanswered", silence: "reset", detail: "" }

const event = Plan.make({ seed: "a", started: 0, rate: 1, faults: new Set() })(0)

const malformed = Effect.gen(function*() {
  const plan = Plan.make({ seed: "a", started: 0, rate: 1, faults: new Set(["malformed"]) })
  for (let index = 0;; index++) {
    const planned = yield* plan(index)
    if (planned.quarantined === "invalid_json") return planned
  }
})

/** The ledger after these answers to one event. */
const after = (planned: Plan.Planned, ...outcomes: ReadonlyArray<Outcome>) => {
  const ledger = new Ledger()
  ledger.begin(planned)
  const entry = ledger.open(planned, "http://receiver", 1)
  for (const outcome of outcomes) ledger.attempted(entry, planned, outcome, 1)
  return { ledger, entry, report: report(ledger) }
}

const report = (ledger: Ledger) =>
  reportOf(ledger, { seed: "a", startedAt: 0, endedAt: 1_000, rate: 1, speed: 1, faults: new Set() })

describe("the ledger of a simulated run", () => {
  it.effect("counts an event as stored once, after failures that are not the receiver's fault", () =>
    Effect.gen(function*() {
      const planned = yield* event
      const { entry, report } = after(
        planned,
        reset,
        answer(503),
        answer(200, { id: planned.id, duplicate: false })
      )
      assert.deepStrictEqual([entry.state, entry.attempts, entry.status], ["accepted", 3, 200])
      assert.isTrue(report.clean, report.wrong.join())
      assert.deepStrictEqual([report.stored, report.accepted, report.retries, report.waiting], [1, 1, 2, 0])
      assert.deepStrictEqual(report.deliveries.by_status, { 200: 1, 503: 1 })
      assert.strictEqual(report.deliveries.no_answer.reset, 1)
    }))

  it.effect("accepts any 2xx answer without details", () =>
    Effect.gen(function*() {
      const { report } = after(yield* event, answer(204))
      assert.deepStrictEqual([report.clean, report.stored], [true, 1])
    }))

  it.effect.each<readonly [string, Outcome, RegExp]>([
    [
      "a true event answered 400",
      answer(400, { error: "invalid_signature" }),
      /answered 400 invalid_signature/
    ],
    ["the id of another event", answer(200, { id: "evt_other", duplicate: false }), /refers to evt_other/],
    ["a good event quarantined", answer(200, { quarantined: "invalid_data" }), /good event was quarantined/],
    ["a new event called a duplicate", answer(200, { duplicate: true }), /new event was answered duplicate/]
  ])("reports as unexpected: %s", ([, outcome, reason]) =>
    Effect.gen(function*() {
      const { report } = after(yield* event, outcome)
      assert.isFalse(report.clean)
      assert.strictEqual(report.unexpected.length, 1)
      assert.match(report.unexpected[0]?.reason ?? "", reason)
    }))

  it.effect("expects a malformed body to be quarantined for the right reason", () =>
    Effect.gen(function*() {
      const planned = yield* malformed
      const good = after(planned, answer(200, { id: null, quarantined: "invalid_json" }))
      assert.deepStrictEqual([good.report.clean, good.report.quarantined], [true, 1])
      assert.strictEqual(good.entry.id, `sha256:${good.entry.sha256}`)
      assert.isFalse(after(planned, answer(200, { id: null })).report.clean)
      assert.isFalse(after(planned, answer(200, { id: null, quarantined: "invalid_data" })).report.clean)
    }))

  it.effect("expects a repeated event to be answered with duplicate", () =>
    Effect.gen(function*() {
      const planned = yield* event
      const { entry, ledger } = after(planned, answer(200, { duplicate: false }))
      ledger.repeated(entry, planned, answer(200, { duplicate: true }))
      assert.deepStrictEqual([report(ledger).clean, report(ledger).duplicates], [true, 1])
      ledger.repeated(entry, planned, answer(200, { duplicate: false }))
      assert.match(report(ledger).wrong.join(), /stored again/)
    }))

  it.effect("expects forgeries to be refused", () =>
    Effect.gen(function*() {
      const planned = yield* event
      const { entry, ledger } = after(planned, answer(200))
      const forgery = { fault: "unsigned", bytes: new Uint8Array([1]), signature: () => undefined } as const
      ledger.forgedAnswered(ledger.openForged(entry, forgery), answer(400))
      ledger.forgedAnswered(ledger.openForged(entry, forgery), reset)
      assert.isTrue(report(ledger).clean)
      ledger.forgedAnswered(ledger.openForged(entry, forgery), answer(200))
      assert.deepStrictEqual(report(ledger).forged, { sent: 3, refused: 1, accepted: 1, unanswered: 1 })
      assert.match(report(ledger).wrong.join(), /1 × a forgery \(unsigned\) was accepted/)
    }))

  it.effect("is not clean when an event was given up, or when none was accepted", () =>
    Effect.gen(function*() {
      const { entry, ledger } = after(yield* event, reset)
      assert.deepStrictEqual(report(ledger).wrong, ["no event was accepted"])
      assert.deepStrictEqual(report(ledger).violations, [])
      assert.deepStrictEqual(report(ledger).waiting_ids, [entry.id])
      ledger.gaveUp(entry)
      assert.deepStrictEqual(report(ledger).given_up_ids, [entry.id])
      assert.deepStrictEqual(report(ledger).violations, ["1 given up"])
    }))
})

describe("the latencies of a simulated run", () => {
  it("give quantiles that are at most 5 % too long, however many there are", () => {
    const latency = new Latency()
    assert.isNull(latency.quantile(0.5))
    for (let millis = 1; millis <= 10_000; millis++) latency.add(millis)
    for (const [share, exact] of [[0.5, 5_000], [0.99, 9_900], [1, 10_000]] as const) {
      const quantile = latency.quantile(share) ?? 0
      assert.isTrue(quantile >= exact && quantile <= exact * 1.05, `${share}: ${quantile}`)
    }
    assert.strictEqual(latency.max, 10_000)
  })

  it("give quantiles for a latency of 0 ms and for very few latencies", () => {
    const latency = new Latency()
    latency.add(0)
    assert.strictEqual(latency.quantile(0.99), 0)
    latency.add(3)
    assert.strictEqual(latency.quantile(1), 3)
  })
})
