// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Logger } from "effect"
import { TestClock } from "effect/testing"
import { reportReadiness, reportRefusals } from "../../../src/Process/OnCall.ts"
import type { Fault } from "../../../src/Process/ProcessHealth.ts"
import { lineOf } from "../../../src/Process/Telemetry.ts"

/** Runs a report for some seconds of virtual time. `at` runs before each second and changes the conditions. */
const linesOf = (report: Effect.Effect<unknown>, seconds: number, at: (second: number) => void) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    let second = 0
    const logger = Logger.make((options) => void lines.push(`${second}: ${lineOf(options).slice(13)}`))
    const fiber = yield* Effect.forkChild(report.pipe(Effect.provide(Logger.layer([logger]))))
    for (; second < seconds; second++) {
      at(second)
      yield* TestClock.adjust("1 second")
    }
    yield* Fiber.interrupt(fiber)
    return lines
  })

describe("the log for on-call staff", () => {
  it.effect("has a line when the process is not ready, when the faulty parts change, and when it is ready again", () =>
    Effect.gen(function*() {
      let faults: ReadonlyArray<Fault> = []
      const lines = yield* linesOf(reportReadiness(Effect.sync(() => faults), true), 40, (second) => {
        const database = { part: "database", reason: `no answer for ${second} s` }
        const broker = { part: "event log", reason: "the broker is not connected." }
        faults = second < 5 ? [] : second < 10 ? [database] : second < 20 ? [broker, database] : []
      })
      assert.deepStrictEqual(lines, [
        "5: WARN  not ready: database: no answer for 5 s. Deliveries are still stored, and events are "
        + "projected later",
        "10: WARN  not ready: event log: the broker is not connected; database: no answer for 10 s. "
        + "Deliveries are answered 503, and 3QPR retries each for 72 minutes. After a longer outage, `threeqpr "
        + "reconcile` restores the scans. Deliveries that were answered 200 are kept",
        "20: INFO  ready again after 15 s"
      ])
    }))

  it.effect("groups parts that have the same fault", () =>
    Effect.gen(function*() {
      const faults = ["database", "projection scans", "projection conversations"].map((part) => ({
        part,
        reason: part === "database" ? "away. Check it" : "away"
      }))
      assert.deepStrictEqual(yield* linesOf(reportReadiness(Effect.succeed(faults), false), 5, () => {}), [
        "0: WARN  not ready: database: away. Check it; projection scans, projection conversations: away"
      ])
    }))

  it.effect("does not mention deliveries in a process that receives none", () =>
    Effect.gen(function*() {
      const lines = yield* linesOf(
        reportReadiness(Effect.succeed([{ part: "event log", reason: "away" }]), false),
        5,
        () => {}
      )
      assert.deepStrictEqual(lines, ["0: WARN  not ready: event log: away"])
    }))

  it.effect("still has a line about refused deliveries after the wall clock is set back", () =>
    Effect.gen(function*() {
      const counts = { invalid_signature: 0 }
      let wrongBy = 0
      const clock = yield* Effect.clockWith(Effect.succeed)
      const wrong = Object.assign(Object.create(clock), {
        currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + wrongBy)
      })
      const report = reportRefusals(() => counts).pipe(Effect.provideService(Clock.Clock, wrong))
      const lines = yield* linesOf(report, 100, (second) => {
        if (second === 30) wrongBy = -3_600_000
        counts.invalid_signature++
      })
      assert.lengthOf(lines, 2)
      assert.match(lines[1] ?? "", /invalid_signature: \d+ in 60 s/)
    }))

  it.effect("has a line for the first refused delivery, then one a minute with their number", () =>
    Effect.gen(function*() {
      const counts = { stored: 0, invalid_signature: 0, unavailable: 0 }
      const lines = yield* linesOf(reportRefusals(() => counts), 200, (second) => {
        counts.stored += 10
        if (second >= 10 && second < 100) counts.invalid_signature += 5
        if (second === 150) counts.unavailable++
      })
      const shown = lines.map((line) => line.split(". ")[0])
      assert.deepStrictEqual(shown, [
        "10: WARN  deliveries refused with 400 invalid_signature: 5",
        "70: WARN  deliveries refused with 400 invalid_signature: 300 in 60 s",
        "130: WARN  deliveries refused with 400 invalid_signature: 145 in 60 s",
        "150: WARN  deliveries refused with 503 unavailable: 1"
      ])
    }))

  it.effect("explains each refusal: the reason, what happens to the deliveries, and the remedy", () =>
    Effect.gen(function*() {
      const outcomes = [
        "missing_signature",
        "ambiguous_signature",
        "invalid_signature",
        "body_too_slow",
        "body_too_large"
      ]
        .concat("unsupported_encoding", "wrong_path", "unavailable", "too_many_in_flight")
      const counts = Object.fromEntries(outcomes.map((outcome) => [outcome, 1]))
      const lines = yield* linesOf(reportRefusals(() => counts), 2, () => {})
      assert.lengthOf(lines, outcomes.length)
      for (const line of lines) {
        assert.match(
          line,
          / 503 .*3QPR retries each for 72 minutes, and none is stored twice\. GET|None is stored\. If 3QPR sent them, it retries for 72 minutes\. `threeqpr/
        )
      }
      const told = (outcome: string) => lines.find((line) => line.includes(` ${outcome}: 1. `)) ?? ""
      assert.match(
        told("invalid_signature"),
        /They are signed with another secret, .*`threeqpr doctor` compares the secrets/
      )
      assert.match(
        told("wrong_path"),
        /their path is not \/webhooks\/3qpr\. Correct the address .* or the proxy/
      )
      assert.match(told("missing_signature"), /a proxy removes the header/)
    }))
})
