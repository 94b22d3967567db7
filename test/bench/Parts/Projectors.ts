import { Console, Effect } from "effect"
import { availableParallelism } from "node:os"
import { appliedBy } from "../../../src/Projector/Apply/AppliedCounts.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import * as System from "../../support/Faults/System.ts"
import { poll } from "../../support/Until.ts"
import { fill } from "../Fill.ts"
import type { Part } from "../Part.ts"
import { usageOf } from "../Usage.ts"

/** How fast one process, and several that share the work, project a full log. Each case has a separate Postgres. */
export const projectors: Part = {
  name: "projectors",
  about: "how fast 1, 2 and 4 projector processes are through 100,000 scans (--size)",
  onlyWhenNamed: true,
  run: Effect.fnUntraced(function*({ size = 100_000 }) {
    const rates: Array<readonly [processes: number, rate: number]> = []
    for (const processes of [1, 2, 4]) {
      rates.push([processes, size / (yield* Effect.scoped(secondsOf(size, processes)))])
      yield* Console.error(`${processes}: ${rates.at(-1)?.[1].toFixed(0)} scans/s`)
    }
    const [[, one] = [1, NaN]] = rates
    return {
      rows: rates.map(([processes, rate]) => ({
        processes,
        "scans/s": Math.round(rate),
        "against one": (rate / one).toFixed(2)
      })),
      notes: [
        `from the first batch to the last, on ${availableParallelism()} cores with the broker and Postgres`
      ],
      failures: []
    }
  }, Effect.orDie)
}

/** The seconds that a number of processes take for a number of scans, from the first batch to the last. */
export const secondsOf = (size: number, processes: number) =>
  Effect.map(projected(size, processes), ({ seconds }) => seconds)

/**
 * The same, with the CPU time of the processes in that period. `entry` is the program, by default this checkout's.
 */
export const projected = Effect.fnUntraced(function*(size: number, processes: number, entry?: string) {
  const system = yield* System.make({
    receivers: 0,
    projectors: processes,
    direct: true,
    ...(entry !== undefined && { entry })
  })
  // The projectors are ready, but suspended while the log is filled.
  yield* Effect.forEach(system.projectors, ({ pause }) => pause)
  yield* fill(system, size)
  const applied = (events: number) => poll(system.query(appliedBy(scans, 1)), (now) => now >= events)
  yield* Effect.forEach(system.projectors, ({ proceed }) => proceed)
  const cpu = () => system.projectors.reduce((sum, { now }) => sum + usageOf(now()?.pid ?? NaN).cpuSeconds, 0)
  const before = yield* applied(1)
  const [began, cpuBefore] = [performance.now(), cpu()]
  yield* applied(size)
  const whole = size / (size - before)
  return {
    seconds: (performance.now() - began) / 1_000 * whole,
    cpuSeconds: (cpu() - cpuBefore) * whole
  }
})
