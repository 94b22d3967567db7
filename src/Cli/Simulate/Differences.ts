import { Console, Effect } from "effect"
import type { Comparison } from "../../Provider/Simulator.ts"
import { fit, paint } from "../Output.ts"
import { listed } from "./Result.ts"

/** Prints what a receiver stored, compared with what it accepted. */
export const showComparison = Effect.fnUntraced(function*(comparison: Comparison) {
  const { bold, green, red } = yield* paint
  const { conversations, log, projections, scans } = comparison
  yield* Console.log("")
  yield* Console.log(fit(
    `compared ${log.checked} events of the log, ${scans.checked} scans and ${conversations.checked} conversations`
  ))
  if (projections !== "caught up") yield* Console.log(fit(`projections: ${projections}`))
  for (const [title, lines] of differencesIn(comparison)) yield* listed(title, lines)
  yield* Console.log(bold(
    comparison.clean
      ? green("clean: accepted events are stored and projected without a difference")
      : red("not clean")
  ))
})

/** One text for each kind of difference, with its count. */
export const wrongIn = (comparison: Comparison): ReadonlyArray<string> => {
  const differences = differencesIn(comparison)
    .flatMap(([title, lines]) => lines.length > 0 ? [`${lines.length} ${title}`] : [])
  return differences.length > 0 || comparison.clean ? differences : ["there was nothing to compare"]
}

const differencesIn = (
  { conversations, log, scans }: Comparison
): ReadonlyArray<readonly [string, ReadonlyArray<string>]> => [
  ["lost from the log", log.lost],
  ["stored twice", log.stored_twice],
  ["stored with other bytes", log.other_bytes],
  ["stored as something else", log.misfiled],
  ["forged and stored", log.forged_stored],
  ["scans without a row", scans.missing],
  ["scans with two rows", scans.twice],
  ["scans whose row differs", rowLines(scans.differing)],
  ["conversations without a row", conversations.missing],
  ["conversations with two rows", conversations.twice],
  ["conversations whose row differs", rowLines(conversations.differing)]
]

const rowLines = (differing: Comparison["scans"]["differing"]) =>
  differing.map(({ fields, id }) => `${id}  ${fields.join(", ")}`)
