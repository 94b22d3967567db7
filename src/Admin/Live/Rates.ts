import type { ProcessCounters } from "../../Domain/ProcessCounters.ts"
import type { LiveStatus } from "../Api/Live.ts"

type Counts = Readonly<Record<string, number>>

/** For how long a process that does not answer is remembered, in milliseconds. */
const memory = 60_000

/**
 * How fast counters grow, process by process: a restart begins at 0, a process that ended no longer counts, and
 * one that missed its turn is measured over the longer time.
 */
export class Rates {
  readonly #seen = new Map<string, { readonly at: number; readonly counters: ProcessCounters }>()
  #before: number | undefined

  /** A second, since the last call; null in the first. `at` in milliseconds since the epoch. */
  since(processes: ReadonlyArray<ProcessCounters>, at: number): LiveStatus["rates"] {
    const before = this.#before
    const deliveries: Record<string, number> = {}
    const projected: Record<string, number> = {}
    for (const counters of processes) {
      const key = `${counters.instance} ${counters.started_at}`
      const seen = this.#seen.get(key)
      this.#seen.set(key, { at, counters })
      // Counts of an unknown process from before the last look belong to no rate.
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
