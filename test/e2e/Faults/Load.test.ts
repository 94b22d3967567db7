// Runs: long, alone

import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { ConsumerAnswer } from "../../../src/Admin/Api/Status.ts"
import { Scene, slowerThan } from "../../support/Faults/Scene.ts"
import { send } from "../../support/Http.ts"
import { residentOf } from "../../support/Processes.ts"
import { poll } from "../../support/Until.ts"

/** The events that a projector may hold, and those of two batches in progress. */
const capacity = 2_000
const inProgress = 1_000

layer(Scene.layer({ receivers: 2, projectors: 1 }), { excludeTestServices: true })("under load", (it) => {
  // Row 20.
  it.effect("a suspended consumer keeps little in memory, shows its lag, and slows no receiver", () =>
    Effect.gen(function*() {
      const { ledger, system, traffic, whole } = yield* Scene
      const admin = yield* system.add("admin")
      const pid = system.projectors[0]?.now()?.pid ?? 0
      const scans = Effect.map(
        send(`${admin.admin}/v1/consumers`),
        ({ body }) =>
          (body as { readonly consumers: ReadonlyArray<ConsumerAnswer> }).consumers.find(({ name }) =>
            name === "scans-1"
          )
      )
      const load = yield* traffic({ rate: 400 })
      yield* Effect.repeat(Effect.sleep("20 millis"), { until: () => ledger.sent.size >= 400 })
      const before = yield* residentOf(pid)
      const paused = performance.now()
      yield* system.databaseNetwork.pause
      const behind = yield* poll(scans, (consumer) => (consumer?.lag ?? 0) >= 2 * (capacity + inProgress))
      const after = yield* residentOf(pid)
      const during = ledger.since(paused)
      yield* system.databaseNetwork.resume
      yield* load.stop
      assert.isAbove(behind?.in_flight ?? 0, 0)
      assert.isAtMost(behind?.in_flight ?? Infinity, capacity + inProgress)
      assert.isBelow(after - before, 150e6)
      assert.isAbove(during.length, 4_000)
      assert.deepStrictEqual(during.filter(({ status }) => status === 503), [])
      assert.deepStrictEqual(slowerThan(1_000, during), [])
      yield* whole()
    }))
})
