import { Console, Effect } from "effect"
import type { Reconciliation } from "../../Reconciliations/Registry.ts"
import { json, paint } from "../Output.ts"

/** What a reconciliation found and did, for people or programs. */
export const show = Effect.fnUntraced(function*(reconciliation: Reconciliation, asJson: boolean) {
  if (asJson) return yield* json(reconciliation)
  const { bold, dim, yellow } = yield* paint
  const { appended, dead_lettered, dry_run, examples, id, missing, seen, since, state, until, unusable } =
    reconciliation
  const unusables = reconciliation.unusable_examples
  const line = (name: string, value: string) => Console.log(`  ${dim(name.padEnd(14))}${value}`)
  yield* Console.log(`${bold(`reconciliation ${id}`)} ${state}${dry_run ? ", a dry run" : ""}`)
  yield* line("from", since)
  yield* line("until", until)
  yield* line("scans", `${number(seen)} that 3QPR has`)
  yield* line("missing", missing > 0 ? yellow(number(missing)) : "0")
  yield* line(dry_run ? "repairable" : "repaired", number(dry_run ? missing - unusable : appended))
  if (unusable > 0) yield* line("unusable", yellow(number(unusable)))
  if (dead_lettered > 0) {
    yield* line(
      "dead letters",
      `${number(dead_lettered)}; \`threeqpr dead-letters redrive\` brings them back after a fix`
    )
  }
  if (unusables.length > 0) {
    yield* Console.log(
      `\n${dim(unusables.length < unusable ? `unusable, the first ${unusables.length}` : "unusable")}`
    )
    for (const { id, reason } of unusables) yield* Console.log(`  ${id ?? "without an id"}: ${reason}`)
  }
  if (examples.length === 0) return
  yield* Console.log(
    `\n${dim(examples.length < missing ? `missing, the first ${examples.length}` : "missing")}`
  )
  for (const example of examples) yield* Console.log(`  ${example}`)
})

const number = (value: number) => value.toLocaleString("en-US")
