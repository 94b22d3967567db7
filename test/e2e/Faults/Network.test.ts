// Runs: long

import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { drawsOf } from "../../support/Faults/Bodies.ts"
import type { Attempt } from "../../support/Faults/Ledger.ts"
import { endOf, Scene, slowerThan, untilReadiness } from "../../support/Faults/Scene.ts"
import { residentOf } from "../../support/Processes.ts"

/** Three ping intervals: by then a dead connection must have been replaced. */
const longestStall = 15_000

layer(Scene.layer({ receivers: 2, projectors: 2 }), { excludeTestServices: true })(
  "on a bad network",
  (it) => {
    // Row 6.
    it.effect("closes dead connections within 15 seconds, and neither loses nor doubles an event by pauses and resets", () =>
      Effect.gen(function*() {
        const { answered, ledger, system, traffic, whole } = yield* Scene
        const { brokerNetwork } = system
        const load = yield* traffic({ rate: 50 })
        yield* answered(50, 200)
        const before = yield* brokerNetwork.connections
        yield* brokerNetwork.strand
        const stranded = performance.now()
        yield* answered(20, 503)
        const parts = [...system.receivers, ...system.projectors]
        yield* Effect.repeat(Effect.delay(brokerNetwork.connections, "20 millis"), {
          until: (connections) => connections - before >= parts.length
        })
        for (const part of parts) yield* untilReadiness(part, 200)
        // On a busy machine the processes notice their timers late.
        assert.isBelow(performance.now() - stranded, longestStall + 5_000)
        const again = performance.now()
        yield* answered(100, 200)
        assert.deepStrictEqual(ledger.since(again).filter(({ status }) => status === 503), [])
        assert.deepStrictEqual(slowerThan(1_000, ledger.since(again)), [])

        for (const fault of [brokerNetwork.pause, brokerNetwork.deafen]) {
          yield* fault
          // Long enough that publishes time out, and too short for the connection to be considered dead.
          yield* answered(20, 503)
          yield* brokerNetwork.resume
          const passing = performance.now()
          // A deaf connection has lost part of what the server sent. It can no longer be used.
          if (fault === brokerNetwork.deafen) yield* brokerNetwork.reset
          yield* answered(50, 200)
          assert.isBelow(performance.now() - passing, 5_000)
        }
        for (let resets = 0; resets < 5; resets++) {
          yield* brokerNetwork.reset
          yield* answered(20, 200)
        }
        yield* load.stop
        assert.deepStrictEqual(ledger.since(stranded).filter(({ took }) => took >= 4_500), [])
        yield* whole()
      }))

    // Row 7.
    it.effect("accepts no more deliveries at a time than its limit on a slow and interrupted network, and does not grow", () =>
      Effect.gen(function*() {
        const { answered, ledger, system, traffic, whole } = yield* Scene
        const cap = 8
        const receiver = yield* system.add("ingress", { MAX_IN_FLIGHT: String(cap) })
        const pid = receiver.now()?.pid ?? 0
        const load = yield* traffic({ rate: 80, urls: () => [receiver.webhook] })
        yield* answered(100, 200)
        const before = yield* residentOf(pid)
        const draw = drawsOf(7)
        yield* system.brokerNetwork.delay(250)
        const delayed = performance.now()
        yield* answered(50, 200)
        const slow = ledger.since(delayed).filter((one) =>
          one.status === 200 && endOf(one) < performance.now()
        )
        const most = mostAtOnce(slow)
        const bad = Effect.gen(function*() {
          yield* system.brokerNetwork.delay(50 + 450 * draw())
          yield* system.brokerNetwork.cutAfter(() => draw() < 0.01)
          yield* Effect.sleep("100 millis")
        })
        const end = performance.now() + 4_000
        yield* Effect.repeat(bad, { until: () => performance.now() >= end })
        const refused = ledger.since(delayed).filter(({ status }) => status === 503)
        const after = yield* residentOf(pid)
        yield* system.brokerNetwork.cutAfter(() => false)
        yield* system.brokerNetwork.delay(0)
        yield* untilReadiness(receiver, 200)
        yield* load.stop
        assert.isAtLeast(most, cap / 2)
        // The client sees a request in flight for a little longer than the receiver does.
        assert.isAtMost(most, 2 * cap)
        assert.isAbove(refused.length, 100)
        assert.isBelow(after - before, 100e6)
        yield* whole()
        yield* receiver.end("SIGTERM")
      }))
  }
)

/** The largest number of attempts that were in flight at the same time. */
const mostAtOnce = (attempts: ReadonlyArray<Attempt>) => {
  const steps = attempts.flatMap((attempt) => [[attempt.at, 1], [endOf(attempt), -1]] as const)
  let now = 0
  return Math.max(...steps.toSorted(([a], [b]) => a - b).map(([, step]) => now += step))
}
