// Runs: long

import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import process from "node:process"
import { healthOf, Scene } from "../../support/Faults/Scene.ts"
import { poll } from "../../support/Until.ts"

// Row 29 of the catalogue.
layer(Scene.layer({ receivers: 2, projectors: 2 }), { excludeTestServices: true })("stopping", (it) => {
  it.effect(
    "by SIGTERM under load takes less than 25 seconds, exits 0, and neither loses nor doubles an event",
    () =>
      Effect.gen(function*() {
        const { answered, system, traffic, whole } = yield* Scene
        const load = yield* traffic()
        yield* answered(100, 200)
        for (const part of [...system.receivers, ...system.projectors]) {
          const asked = performance.now()
          const pid = part.now()?.pid ?? 0
          // Further signals have no effect, whenever they arrive.
          const again = Effect.sync(() => process.kill(pid, "SIGTERM")).pipe(
            Effect.andThen(Effect.sleep("1 millis")),
            Effect.forever,
            Effect.sandbox,
            Effect.catch(() => Effect.never)
          )
          assert.strictEqual(yield* Effect.raceFirst(part.end("SIGTERM"), again), 0)
          assert.isBelow(performance.now() - asked, 25_000)
          yield* part.start
          yield* answered(30, 200)
        }
        yield* load.stop
        yield* whole()
      }),
    90_000
  )

  it.effect("by SIGKILL during the drain loses nothing", () =>
    Effect.gen(function*() {
      const { answered, system, traffic, whole } = yield* Scene
      const [receiver] = system.receivers
      const [projector] = system.projectors
      if (receiver === undefined || projector === undefined) return assert.fail("nothing runs")
      const load = yield* traffic()
      yield* answered(100, 200)
      // Requests in flight cannot complete, so the drain lasts as long as it may.
      yield* system.brokerNetwork.pause
      for (const part of [receiver, projector]) {
        process.kill(part.now()?.pid ?? 0, "SIGTERM")
      }
      yield* poll(healthOf(receiver, "/readyz"), ({ status }) => status !== 200)
      for (const part of [receiver, projector]) yield* part.end("SIGKILL")
      yield* system.brokerNetwork.reset
      yield* system.brokerNetwork.resume
      for (const part of [receiver, projector]) yield* part.start
      yield* answered(50, 200)
      yield* load.stop
      yield* whole()
    }), 90_000)

  it.effect(
    "and restarting every process in turn, with the broker and Postgres, neither loses nor doubles an event",
    () =>
      Effect.gen(function*() {
        const { answered, system, traffic, whole } = yield* Scene
        const load = yield* traffic({ rate: 100 })
        yield* answered(50, 200)
        yield* system.broker.signal("SIGTERM")
        yield* system.broker.start
        yield* answered(50, 200)
        yield* system.postgres.stop
        yield* system.postgres.start
        for (const part of [...system.receivers, ...system.projectors]) {
          assert.strictEqual(yield* part.end("SIGTERM"), 0)
          yield* part.start
        }
        yield* answered(50, 200)
        yield* load.stop
        yield* whole()
      }),
    90_000
  )
})
