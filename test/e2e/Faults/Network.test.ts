// Runs: long

import { assert, layer } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { drawsOf } from "../../support/Faults/Bodies.ts"
import { Scene, slowerThan, untilReadiness } from "../../support/Faults/Scene.ts"
import type { Part } from "../../support/Faults/System.ts"
import { send } from "../../support/Http.ts"
import { residentOf } from "../../support/Processes.ts"
import { poll } from "../../support/Until.ts"

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
        yield* poll(brokerNetwork.connections, (connections) => connections - before >= parts.length)
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
        let most = 0
        const look = yield* inFlight(receiver).pipe(
          Effect.map((now) => void (most = Math.max(most, now))),
          Effect.andThen(Effect.sleep("20 millis")),
          Effect.forever,
          Effect.forkScoped
        )
        yield* answered(50, 200)
        const bad = Effect.gen(function*() {
          yield* system.brokerNetwork.delay(50 + 450 * draw())
          yield* system.brokerNetwork.cutAfter(() => draw() < 0.01)
          yield* Effect.sleep("100 millis")
        })
        const end = performance.now() + 4_000
        yield* Effect.repeat(bad, { until: () => performance.now() >= end })
        yield* Fiber.interrupt(look)
        const refused = ledger.since(delayed).filter(({ status }) => status === 503)
        const after = yield* residentOf(pid)
        yield* system.brokerNetwork.cutAfter(() => false)
        yield* system.brokerNetwork.delay(0)
        yield* untilReadiness(receiver, 200)
        yield* load.stop
        assert.isAtLeast(most, cap / 2)
        assert.isAtMost(most, cap)
        assert.isAbove(refused.length, 100)
        assert.isBelow(after - before, 100e6)
        yield* whole()
        yield* receiver.end("SIGTERM")
      }))
  }
)

/** The number of deliveries that wait for the log, as the receiver reports it. */
const inFlight = ({ admin }: Part) =>
  Effect.map(
    send(`${admin}/metrics`),
    ({ body }) => Number(/^threeqpr_publishes_in_flight (\d+)/m.exec(String(body))?.[1])
  )
