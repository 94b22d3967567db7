import { Console, Effect, Schema } from "effect"
import type { Reconciliation } from "../../Reconciliations/Registry.ts"
import { json, paint } from "../Output.ts"

/** The scans were compared, and the codes could not be. */
export class CodesNotCompared
  extends Schema.TaggedError<CodesNotCompared>()("CodesNotCompared", { message: Schema.String })
{}

/** Shows what a reconciliation found and did, for people or programs. Fails when the codes could not be compared. */
export const show = Effect.fnUntraced(function*(reconciliation: Reconciliation, asJson: boolean) {
  yield* asJson ? json(reconciliation) : print(reconciliation)
  const { codes_error, id } = reconciliation
  if (codes_error === null) return
  return yield* new CodesNotCompared({
    message: `Reconciliation ${id} compared the scans, and could not compare the codes: ${codes_error}`
  })
})

const print = Effect.fnUntraced(function*(reconciliation: Reconciliation) {
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
  if (reconciliation.codes_error === null) {
    const { codes_appended, codes_outdated, codes_seen, codes_unusable } = reconciliation
    yield* line("codes", `${number(codes_seen)} that 3QPR has`)
    yield* line("outdated", codes_outdated > 0 ? yellow(number(codes_outdated)) : "0")
    if (!dry_run) yield* line("updated", number(codes_appended))
    if (codes_unusable > 0) yield* line("unusable", yellow(number(codes_unusable)))
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
