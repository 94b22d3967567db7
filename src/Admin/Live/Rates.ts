import type { ProcessCounters } from "../../Domain/ProcessCounters.ts"
import type { LiveStatus } from "../Api/Live.ts"

type Counts = Readonly<Record<string, number>>

/** How long the counters of a process that does not respond are kept, in milliseconds. */
const memory = 60_000

/**
 * The growth rate of counters, process by process. A restarted process begins at 0. A process that ended no longer
 * counts. A process that missed a query is measured over the longer time.
 */
export class Rates {
  readonly #seen = new Map<string, { readonly at: number; readonly counters: ProcessCounters }>()
  #before: number | undefined

  /** Rates a second since the last call; null at the first call. `at` is in milliseconds since the epoch. */
  since(processes: ReadonlyArray<ProcessCounters>, at: number): LiveStatus["rates"] {
    const before = this.#before
    const deliveries: Record<string, number> = {}
    const projected: Record<string, number> = {}
    for (const counters of processes) {
      const key = `${counters.instance} ${counters.started_at}`
      const seen = this.#seen.get(key)
      this.#seen.set(key, { at, counters })
      // Ignore the first sample of a process that started before the previous call: its growth is unknown.
      if (before === undefined || (seen === undefined && Date.parse(counters.started_at) < before)) continue
      const seconds = Math.max(1, at - (seen?.at ?? before)) / 1_000
      add(deliveries, counters.deliveries, seen?.counters.deliveries ?? {}, seconds)
      add(projected, counters.projected, seen?.counters.projected ?? {}, seconds)
    }
    for (const [key, seen] of this.#seen) {
      if (at - seen.at > memory) this.#seen.delete(key)
    }
    this.#before = at
    return before === undefined ? null : { seconds: (at - before) / 1_000, deliveries, projected }
  }
}

const add = (rates: Record<string, number>, now: Counts, before: Counts, seconds: number) => {
  for (const [name, count] of Object.entries(now)) {
    rates[name] = (rates[name] ?? 0) + Math.max(0, count - (before[name] ?? 0)) / seconds
  }
}

/** The counters of all processes together. */
export const totalsOf = (processes: ReadonlyArray<ProcessCounters>) => ({
  deliveries: sumOf(processes.map(({ deliveries }) => deliveries)),
  projected: sumOf(processes.map(({ projected }) => projected))
})

const sumOf = (all: ReadonlyArray<Counts>) => {
  const sum: Record<string, number> = {}
  for (const counts of all) {
    for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count
  }
  return sum
}
