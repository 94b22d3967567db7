import { Console, Effect, Redacted } from "effect"
import { scans } from "../../../src/Projections/Scans.ts"
import { appliedBy } from "../../../src/Projector/AppliedCounts.ts"
import * as System from "../../support/Faults/System.ts"
import { fill } from "../Fill.ts"
import type { Load } from "../load.ts"
import type { Part } from "../Part.ts"
import { output } from "../Program.ts"
import { usageOf } from "../Usage.ts"

/** Events that are stored and projected before each measurement. */
const stored = [10_000, 100_000, 1_000_000, 5_000_000]

/** Of one run of the load generator. */
const measured = 20_000

/**
 * What an event costs, and what is resident, with so many stored and projected already: delivered, stored and
 * projected, each process by itself. One receiver and one projector, a broker and a Postgres of their own.
 */
export const growth: Part = {
  name: "growth",
  about:
    "CPU per event and memory of each process with 10,000 to 5,000,000 events there (--size: to so many)",
  onlyWhenNamed: true,
  run: Effect.fnUntraced(function*({ connections, rounds, size = Infinity }) {
    const system = yield* System.make({ receivers: 1, projectors: 1, direct: true })
    const [receiver, projector] = [system.receivers[0], system.projectors[0]]
    if (receiver === undefined || projector === undefined) return yield* Effect.die("no processes")
    const processes = {
      receiver: receiver.now()?.pid ?? 0,
      projector: projector.now()?.pid ?? 0,
      broker: yield* system.broker.pid,
      postgres: yield* system.postgres.pid
    }
    const projected = (events: number) =>
      Effect.repeat(Effect.delay(system.query(appliedBy(scans, 1)), "100 millis"), {
        until: (applied) => applied >= events
      })
    const rows: Array<Record<string, string | number>> = []
    let total = 0
    for (const events of stored.filter((events) => events <= size)) {
      const began = performance.now()
      yield* fill(system, events - total, total)
      total = events
      yield* projected(total)
      yield* Console.error(
        `${events} events there after ${((performance.now() - began) / 1_000).toFixed(0)} s`
      )
      const costs: Array<Record<string, number>> = []
      for (let round = 0; round < rounds; round++) {
        const before = Object.values(processes).map((pid) => usageOf(pid).cpuSeconds)
        const load: Load = JSON.parse(
          yield* output("node", "./load.ts", [receiver.webhook, String(connections), `${measured}x`], {
            THREEQPR_WEBHOOK_SECRET: Redacted.value(System.secret)
          })
        )
        total += load.ok
        yield* projected(total)
        costs.push(Object.fromEntries(
          Object.entries(processes).map(([name, pid], at) => [
            name,
            (usageOf(pid).cpuSeconds - (before[at] ?? 0)) * 1e6 / load.ok
          ])
        ))
      }
      const row: Record<string, string | number> = { "events there": events }
      let sum = 0
      for (const [name, pid] of Object.entries(processes)) {
        const micros = median(costs.map((cost) => cost[name] ?? NaN))
        sum += micros
        row[name] = `${micros.toFixed(0)} µs, ${Math.round(usageOf(pid).residentBytes / 1_048_576)} MB`
      }
      row["together"] = `${sum.toFixed(0)} µs`
      rows.push(row)
      yield* Console.error(JSON.stringify(row))
    }
    return {
      rows,
      notes: [
        `CPU per event, the median of ${rounds} times ${measured} events; memory afterwards, Postgres's with what its processes share counted in each`
      ],
      failures: []
    }
  }, Effect.orDie)
}

const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN
