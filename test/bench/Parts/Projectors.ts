import { Console, Effect } from "effect"
import { availableParallelism } from "node:os"
import { scans } from "../../../src/Projections/Scans.ts"
import { appliedBy } from "../../../src/Projector/AppliedCounts.ts"
import * as System from "../../support/Faults/System.ts"
import { fill } from "../Fill.ts"
import type { Part } from "../Part.ts"

/** How fast a full log is projected by one process and by several that share the work, on a Postgres of their own. */
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

/** The seconds that so many processes take for so many scans, from the first batch to the last. */
export const secondsOf = Effect.fnUntraced(function*(size: number, processes: number) {
  const system = yield* System.make({ receivers: 0, projectors: processes, direct: true })
  // They are ready, and stand still while the log is filled.
  yield* Effect.forEach(system.projectors, ({ pause }) => pause)
  yield* fill(system, size)
  const applied = (events: number) =>
    Effect.repeat(Effect.delay(system.query(appliedBy(scans, 1)), "20 millis"), {
      until: (now) => now >= events
    })
  yield* Effect.forEach(system.projectors, ({ proceed }) => proceed)
  const before = yield* applied(1)
  const began = performance.now()
  yield* applied(size)
  return (performance.now() - began) / 1_000 * size / (size - before)
})
