import { Console, Effect, Redacted } from "effect"
import { appliedBy } from "../../../src/Projector/Apply/AppliedCounts.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import * as System from "../../support/Faults/System.ts"
import { fillOld } from "../Fill.ts"
import type { Load } from "../load.ts"
import { median } from "../Median.ts"
import type { Part } from "../Part.ts"
import { output } from "../Program.ts"
import { usageOf } from "../Usage.ts"

/** Events that are stored and projected before each measurement. */
const stored = [100_000, 1_000_000, 5_000_000]

/** Events of the small system. */
const few = 10_000

/** Events of one run of the load generator. */
const measured = 10_000

/**
 * The CPU cost of an event and the resident memory of each process, by the number of events already stored and
 * projected. Two systems of a receiver, a projector, a broker and a Postgres take turns. One has few events (and
 * those of the measurement). The other is filled with events older than the deduplication window.
 */
export const growth: Part = {
  name: "growth",
  about:
    "CPU per event and memory of each process with 100,000 to 5,000,000 events there (--size: to so many)",
  onlyWhenNamed: true,
  run: Effect.fnUntraced(function*({ connections, rounds, size = Infinity }) {
    const small = yield* subject
    const large = yield* subject
    yield* small.fill(few)
    const rows: Array<Record<string, string | number>> = []
    for (const events of stored.filter((events) => events <= size)) {
      const began = performance.now()
      yield* large.fill(events)
      yield* Console.error(
        `${events} events there after ${((performance.now() - began) / 1_000).toFixed(0)} s`
      )
      const pairs: Array<readonly [small: Costs, large: Costs]> = []
      for (let round = 0; round < rounds; round++) {
        const first = yield* (round % 2 === 0 ? small : large).measure(connections)
        const second = yield* (round % 2 === 0 ? large : small).measure(connections)
        pairs.push(round % 2 === 0 ? [first, second] : [second, first])
      }
      const few = pairs.map(([costs]) => costs)
      const many = pairs.map(([, costs]) => costs)
      rows.push(
        { "events there": "few", ...small.row(few), ratio: "" },
        {
          "events there": events,
          ...large.row(many),
          ratio: median(pairs.map(([few, many]) => sum(many) / sum(few))).toFixed(2)
        }
      )
      yield* Console.error(JSON.stringify(rows.slice(-2)))
    }
    return {
      rows,
      notes: [
        `CPU per event, medians of ${rounds} pairs of ${measured} events; memory afterwards, Postgres's with what its processes share counted in each`
      ],
      failures: []
    }
  }, Effect.orDie)
}

/** Microseconds of CPU for each event, by process. */
type Costs = Readonly<Record<string, number>>

const sum = (costs: Costs) => Object.values(costs).reduce((all, cost) => all + cost, 0)

const subject = Effect.gen(function*() {
  const system = yield* System.make({ receivers: 1, projectors: 1, direct: true })
  const [receiver, projector] = [system.receivers[0], system.projectors[0]]
  if (receiver === undefined || projector === undefined) return yield* Effect.die("no processes")
  const processes = {
    receiver: receiver.now()?.pid ?? 0,
    projector: projector.now()?.pid ?? 0,
    broker: yield* system.broker.pid,
    postgres: yield* system.postgres.pid
  }
  const usage = () => Object.values(processes).map((pid) => usageOf(pid).cpuSeconds)
  let total = 0
  const projected = Effect.suspend(() =>
    Effect.repeat(Effect.delay(system.query(appliedBy(scans, 1)), "100 millis"), {
      until: (applied) => applied >= total
    })
  )
  return {
    /** Fills the system up to this number of events. */
    fill: Effect.fnUntraced(function*(events: number) {
      const from = total
      total = Math.max(total, events)
      yield* fillOld(system, total - from, from)
      yield* projected
    }),
    measure: Effect.fnUntraced(function*(connections: number) {
      const before = usage()
      const load: Load = JSON.parse(
        yield* output("node", "./load.ts", [receiver.webhook, String(connections), `${measured}x`], {
          THREEQPR_WEBHOOK_SECRET: Redacted.value(System.secret)
        })
      )
      total += load.ok
      yield* projected
      const after = usage()
      return Object.fromEntries(
        Object.keys(processes).map((name, at) => [
          name,
          ((after[at] ?? NaN) - (before[at] ?? NaN)) * 1e6 / load.ok
        ])
      ) as Costs
    }),
    row: (all: ReadonlyArray<Costs>) => ({
      ...Object.fromEntries(
        Object.entries(processes).map(([name, pid]) => [
          name,
          `${median(all.map((costs) => costs[name] ?? NaN)).toFixed(0)} µs, ${
            Math.round(usageOf(pid).residentBytes / 1_048_576)
          } MB`
        ])
      ),
      together: `${median(all.map(sum)).toFixed(0)} µs`
    })
  }
})
