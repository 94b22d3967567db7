import { Console, Effect } from "effect"
import type { Silence } from "../../Provider/Simulator/Delivery.ts"
import { faultNames, faults } from "../../Provider/Simulator/Faults.ts"
import type { Report } from "../../Provider/Simulator/Report.ts"
import { fit, paint, table } from "../Output.ts"

/** Prints what a run did, and what happened to its events. */
export const showReport = Effect.fnUntraced(function*(report: Report) {
  const { bold, green, red } = yield* paint
  const { latency } = report
  yield* table(
    [{ title: "what" }, { title: "count", right: true }, { title: "" }],
    rowsOf(report).map(([what, count, note]) => [what, String(count), note])
  )
  if (Object.keys(report.faults).length > 0) {
    yield* Console.log("")
    yield* table(
      [{ title: "fault" }, { title: "events", right: true }, { title: "" }],
      faultNames.flatMap((name) => {
        const count = report.faults[name]
        return count === undefined ? [] : [[name, String(count), faults[name].about]]
      })
    )
  }
  yield* Console.log("")
  yield* Console.log(fit(
    `latency p50 ${millis(latency.p50)}, p99 ${millis(latency.p99)}, max ${
      millis(latency.max)
    }; seed ${report.seed}`
  ))
  yield* listed("unexpected", report.unexpected.map(({ id, reason }) => `${id}  ${reason}`))
  yield* listed("given up", report.given_up_ids)
  yield* Console.log(bold(
    report.clean ? green("clean: every event got the expected answer") : red(fit(report.wrong.join("; ")))
  ))
})

/** The numbers of a report, each with a note. */
const rowsOf = (
  { deliveries, forged, ...report }: Report
): ReadonlyArray<readonly [what: string, count: number, note: string]> => [
  ["events", report.events, `${report.rate.sent} a second for ${report.seconds.toFixed(1)} s`],
  [
    "deliveries",
    deliveries.total,
    statusesOf(
      new Map<string | number, number>([
        ...Object.entries(deliveries.by_status),
        ...Object.entries(deliveries.no_answer).filter(([, count]) => count > 0)
      ])
    )
  ],
  ["accepted", report.accepted, ""],
  ["stored", report.stored, "answered as new"],
  ["duplicates", report.duplicates, "answered as duplicate"],
  ["quarantined", report.quarantined, ""],
  [
    "forged refused",
    forged.refused,
    `of ${forged.sent}${forged.accepted > 0 ? `, ${forged.accepted} accepted` : ""}${
      forged.unanswered > 0 ? `, ${forged.unanswered} without an answer` : ""
    }`
  ],
  ["retries", report.retries, ""],
  ["waiting", report.waiting, report.waiting > 0 ? "neither accepted nor given up" : ""],
  ["given up", report.given_up, report.given_up > 0 ? "after six attempts" : ""],
  ["late", report.late, report.late > 0 ? "started more than 100 ms late" : ""]
]

/** Prints up to 20 lines under a heading, and the number of further lines. Prints nothing when there are none. */
export const listed = Effect.fnUntraced(function*(title: string, lines: ReadonlyArray<string>) {
  if (lines.length === 0) return
  const { red } = yield* paint
  yield* Console.log(red(`${title}: ${lines.length}`))
  for (const line of lines.slice(0, 20)) yield* Console.log(fit(`  ${line}`))
  if (lines.length > 20) yield* Console.log(`  and ${lines.length - 20} more`)
})

/** Formats the responses by status, such as `200 × 118  503 × 2`. */
export const statusesOf = (statuses: ReadonlyMap<string | number | Silence, number>) =>
  [...statuses].sort(([a], [b]) => String(a).localeCompare(String(b)))
    .map(([status, count]) => `${status} × ${count}`).join("  ")

const millis = (millis: number | null) => millis === null ? "–" : `${millis} ms`
