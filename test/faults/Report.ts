import type { Ledger } from "../support/Faults/Ledger.ts"
import type { Witness } from "../support/Faults/Witness.ts"
import type { Held } from "./Machine.ts"
import type { Happened, Round } from "./Round.ts"

/** The results of a whole run. */
export interface Report {
  readonly seed: number
  readonly runtime: string
  readonly seconds: number
  readonly rounds: number
  readonly counts: Round["verdict"]["counts"] | undefined
  readonly problems: ReadonlyArray<string>
  /** How often each fault happened, and the longest time from its end to the next 200, in milliseconds. */
  readonly faults: ReadonlyArray<{
    readonly name: string
    readonly row: number
    readonly times: number
    readonly recovered: number
  }>
  /** The longest time from the last fault of a round until everything was settled and checked, in milliseconds. */
  readonly settled: number
  readonly witnessed: Omit<Witness, "problems">
  readonly held: { readonly first: Held | undefined; readonly last: Held | undefined }
}

/** How often each fault happened, and how long the next answer of 200 took. */
export const recoveries = (ledger: Ledger, happened: ReadonlyArray<Happened>): Report["faults"] => {
  const answered = ledger.attempts.filter(({ status }) => status === 200).map(({ at, took }) => at + took)
    .toSorted((a, b) => a - b)
  return [...Map.groupBy(happened, ({ fault }) => fault)].map(([{ name, row }, times]) => ({
    name,
    row,
    times: times.length,
    recovered: Math.max(...times.map(({ to }) => (answered.find((at) => at >= to) ?? to) - to))
  })).toSorted((a, b) => a.row - b.row || a.name.localeCompare(b.name))
}

/** The reasons why a run failed; empty when it did not. */
export const failures = (
  { counts, faults, held, problems, witnessed }: Report
): ReadonlyArray<string> => [
  ...problems,
  ...(faults.length === 0 ? ["no fault was injected"] : []),
  ...((counts?.ok ?? 0) === 0 ? ["no event was checked"] : []),
  ...(witnessed.looks === 0 ? [`no look at the instruments ended: ${witnessed.failure}`] : []),
  ...(held.first && held.last ? grown(held.first, held.last) : [])
]

// Resources that have grown too much since the first round.
const grown = (first: Held, last: Held) => [
  ...(last.files > first.files + 50 ? [`open files went from ${first.files} to ${last.files}`] : []),
  ...(last.memory > first.memory * 1.5 + 150
    ? [`memory went from ${first.memory.toFixed(0)} to ${last.memory.toFixed(0)} MiB`]
    : []),
  ...(last.children > first.children
    ? [`child processes went from ${first.children} to ${last.children}`]
    : [])
]

/** The report as text. */
export const render = (report: Report): string => {
  const { counts, faults, held, seconds, seed, settled, witnessed } = report
  const row = (cells: ReadonlyArray<string | number>) =>
    `${String(cells[0]).padEnd(30)}${cells.slice(1).map((cell) => String(cell).padStart(12)).join("")}`
  const broken = failures(report)
  return [
    "",
    row(["fault", "row", "times", "200 after"]),
    ...faults.map(({ name, recovered, row: of, times }) =>
      row([name, of, times, `${recovered.toFixed(0)} ms`])
    ),
    "",
    ...Object.entries(counts ?? {}).map(([name, count]) =>
      row([name, typeof count === "number" ? count : JSON.stringify(count)])
    ),
    "",
    `seed ${seed}, ${report.runtime}, ${
      seconds.toFixed(0)
    } s, ${report.rounds} rounds; all settled and checked`
    + ` within ${(settled / 1_000).toFixed(1)} s of the last fault`,
    `instruments: ${witnessed.looks} looks, ${witnessed.different} of them found a difference; one was green beside a `
    + `difference for ${(witnessed.longest / 1_000).toFixed(1)} s at most`,
    held.first && held.last
      ? `held by a process at most, first round and last: ${JSON.stringify(held.first)} ${
        JSON.stringify(held.last)
      }`
      : "what processes hold was not measured: there is no /proc",
    broken.length === 0 ? "Nothing lost, nothing twice, nothing skipped." : `BROKEN:\n${broken.join("\n")}`
  ].join("\n")
}
