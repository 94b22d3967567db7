import process from "node:process"
import type { Report } from "./Fuzz.ts"

/**
 * The longest permitted turn of the event loop, in milliseconds: 50, or a multiple of the floor. The floor is what
 * the runtime's HTTP needs for the input that is slowest to parse, which this program cannot interrupt. Reads of
 * several connections of the fuzzer, and a garbage collection, can share one turn. Deno reads more connections in a
 * turn.
 */
const longestBlock = ({ floor }: Report) => Math.max(50, reads * floor)

const reads = process.versions["deno"] === undefined ? 4 : 10

/**
 * The permitted growth of memory from the start to its maximum, in mebibytes. Both runtimes allocate much before
 * they release memory. On Deno some 380 of it are outside of JavaScript's heap, all allocated in the first minute.
 * The heap holds 40 to 60 after a collection, and up to 340 before one.
 */
const mostGrowth = process.versions["deno"] === undefined ? 500 : 800

/** The reasons why a run failed; empty when it found nothing. */
export const failures = (report: Report, longest = longestBlock(report)): ReadonlyArray<string> => {
  const { blocked, expected, healthy, memory, outcomes, problems } = report
  const long = blocked.filter((millis) => millis > longest)
  const missing = [
    ...expected.kinds.filter((kind) => report.kinds[kind] === undefined),
    ...Object.entries(outcomes).flatMap(([outcome, count]) => count === 0 ? [outcome] : []),
    ...expected.statuses.filter((status) => report.statuses[status] === undefined)
  ]
  return [
    ...problems,
    ...(missing.length > 0 ? [`never seen: ${missing.join(", ")}`] : []),
    ...(long.length > 0 ? [`the event loop was blocked for ${long.join(", ")} ms`] : []),
    ...(memory.most - memory.first > mostGrowth
      ? [`memory went from ${memory.first.toFixed(0)} to ${memory.most.toFixed(0)} MiB`]
      : []),
    ...(healthy.count === 0 ? ["no healthy client was served"] : [])
  ]
}

/** The report as text. */
export const render = (report: Report): string => {
  const { blocked, cases, floor, healthy, memory, outcomes, seed, statuses, stored, target } = report
  const counts = (of: Readonly<Record<string, number>>) =>
    Object.entries(of).map(([name, count]) => `${name} ${count}`).join(", ")
  const wrong = failures(report)
  return [
    `kinds: ${counts(report.kinds)}`,
    `statuses: ${counts(statuses)}`,
    `outcomes: ${counts(outcomes)}`,
    `${target}, seed ${seed}: ${cases} cases in ${report.seconds} s, ${stored} entries stored and compared`,
    `memory ${memory.first.toFixed(0)} MiB at first, ${memory.most.toFixed(0)} at most, ${
      memory.last.toFixed(0)
    } at last`,
    `longest turn of the event loop ${
      Math.max(0, ...blocked)
    } ms (${blocked.length} over 20 ms; a handler that does nothing: ${floor} ms)`,
    `a healthy client: ${healthy.count} deliveries, p50 ${healthy.p50.toFixed(1)} ms, p99 ${
      healthy.p99.toFixed(1)
    } ms`,
    wrong.length === 0 ? "Nothing found." : `FOUND:\n${wrong.join("\n")}`
  ].join("\n")
}
