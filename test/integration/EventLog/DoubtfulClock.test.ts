// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer } from "effect"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import { ClockInDoubt, cutoff, expireLive, RowRetention } from "../../../src/Projector/Expire.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { entryOf } from "../../contract/EventLog.ts"
import { postgres } from "../../support/Databases.ts"
import * as Memory from "../../support/MemoryLog.ts"

const minute = 60_000
const day = 1_440 * minute

/** Runs an effect with a clock that is off by this many milliseconds. */
const wrongBy = (millis: number) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Clock.clockWith((clock) =>
    Effect.provideService(
      effect,
      Clock.Clock,
      Object.assign(Object.create(clock), {
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + millis,
        currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + millis)
      })
    )
  )

const stored = (id: string) => Effect.flatMap(EventLog, (log) => log.append(entryOf(id)))

describe("rows that are kept for a time", () => {
  const layer = Layer.mergeAll(Memory.layer(), postgres.layer, Layer.succeed(RowRetention, 30 * day))

  it.live("expire by a clock that the database and the log confirm", () =>
    Effect.gen(function*() {
      yield* stored("evt_1")
      const before = Date.parse((yield* cutoff) ?? "")
      assert.isBelow(Math.abs(Date.now() - 30 * day - before), minute)
      assert.isString(yield* cutoff.pipe(wrongBy(4 * minute)))
    }).pipe(Effect.provide(layer)))

  it.live("stay when the clocks of the process and the database differ by more than five minutes", () =>
    Effect.gen(function*() {
      yield* stored("evt_1")
      for (const millis of [6 * minute, -6 * minute]) {
        const doubt = yield* Effect.flip(expireLive([scans]).pipe(wrongBy(millis)))
        assert.instanceOf(doubt, ClockInDoubt)
        assert.match(
          doubt.message,
          /the clock of this process .* and that of the database .* are more than five minutes apart/
        )
      }
    }).pipe(Effect.provide(layer)))

  it.live("stay when the clock of the process is more than seven days ahead of the newest entry of the log", () =>
    Effect.gen(function*() {
      yield* stored("evt_1").pipe(wrongBy(-8 * day))
      const doubt = yield* Effect.flip(expireLive([scans]))
      assert.instanceOf(doubt, ClockInDoubt)
      assert.include(doubt.message, "more than seven days ahead of the newest entry of the log")
      yield* stored("evt_2").pipe(wrongBy(-6 * day))
      assert.isString(yield* cutoff)
    }).pipe(Effect.provide(layer)))
})
