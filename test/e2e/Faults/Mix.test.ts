// Runs: long

import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { held } from "../../faults/Machine.ts"
import { failures, recoveries } from "../../faults/Report.ts"
import { faults, round } from "../../faults/Round.ts"
import { drawsOf } from "../../support/Faults/Bodies.ts"
import { Ledger } from "../../support/Faults/Ledger.ts"
import * as System from "../../support/Faults/System.ts"
import { witness } from "../../support/Faults/Witness.ts"
import { test } from "../../support/Live.ts"
import { until } from "../../support/Until.ts"

/** Faults that end quickly. `npm run faults` mixes all of them for any length of time. */
const short = [
  "broker restarted",
  "broker connections reset",
  "durable consumer deleted",
  "projector killed",
  "receiver killed",
  "Postgres crashed",
  "Postgres backends ended",
  "commit without an answer",
  "rebuild",
  "redrive"
]

describe("npm run faults", () => {
  test(
    "finds nothing lost, doubled or skipped, and fails when nothing was tested",
    Effect.gen(function*() {
      const ledger = new Ledger()
      const system = yield* System.make({ receivers: 2, projectors: 2 })
      const target = { ...system, admin: yield* system.add("admin"), ledger, erased: new Set<string>() }
      const witnessed = yield* witness(system, target)
      const { happened, settled, verdict } = yield* round({
        target,
        draw: drawsOf(5),
        seed: 5,
        rate: 100,
        seconds: 15,
        faults: faults.filter(({ name }) => short.includes(name))
      })
      yield* until("a look at the instruments", Effect.sync(() => witnessed.looks), (looks) => looks > 0)
      const now = held(target)
      const report = {
        seed: 5,
        runtime: "",
        seconds: 15,
        rounds: 1,
        counts: verdict.counts,
        problems: [...verdict.problems, ...witnessed.problems],
        witnessed,
        faults: recoveries(ledger, happened),
        settled,
        held: { first: now, last: now }
      }
      assert.deepStrictEqual(failures(report), [])
      assert.isAbove(verdict.counts.ok, 500)
      assert.deepStrictEqual(failures({ ...report, faults: [] }), ["no fault was injected"])
      assert.deepStrictEqual(failures({ ...report, counts: undefined }), ["no event was checked"])
      assert.deepStrictEqual(failures({ ...report, problems: ["lost: evt_1"] }), ["lost: evt_1"])
      assert.deepStrictEqual(
        failures({ ...report, witnessed: { ...witnessed, looks: 0, failure: "timed out" } }),
        ["no look at the instruments ended: timed out"]
      )
    }),
    120_000
  )
})
