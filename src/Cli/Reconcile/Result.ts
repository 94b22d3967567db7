import { Console, Effect } from "effect"
import type { Reconciliation } from "../../Domain/Reconciliation.ts"
import { CommandFailed } from "../CommandFailed.ts"
import { paint, printJson } from "../Output.ts"

/** Prints the result of a reconciliation, for people or programs. Fails when the codes could not be compared. */
export const show = Effect.fnUntraced(function*(reconciliation: Reconciliation, asJson: boolean) {
  yield* asJson ? printJson(reconciliation) : print(reconciliation)
  const { codes_error, id } = reconciliation
  if (codes_error === null) return
  return yield* new CommandFailed({
    message: `Reconciliation ${id} compared the scans, but could not compare the codes: ${codes_error}`
  })
})

const print = Effect.fnUntraced(function*(reconciliation: Reconciliation) {
  const { bold, dim, yellow } = yield* paint
  const {
    appended,
    dead_lettered,
    dry_run,
    id,
    missing,
    seen,
    since,
    state,
    still_missing,
    until,
    unusable
  } = reconciliation
  const line = (name: string, value: string) => Console.log(`  ${dim(name.padEnd(14))}${value}`)
  const warned = (value: number) => value > 0 ? yellow(number(value)) : "0"
  yield* Console.log(`${bold(`reconciliation ${id}`)} ${state}${dry_run ? ", a dry run" : ""}`)
  yield* line("from", since)
  yield* line("until", until)
  yield* line("scans", `${number(seen)} that 3QPR has`)
  if (dry_run) {
    yield* line("missing", warned(missing))
    yield* line("repairable", number(missing - unusable))
  } else {
    yield* line("were missing", number(missing))
    yield* line("repaired", number(appended))
    yield* line("still missing", warned(still_missing))
  }
  if (unusable > 0) yield* line("unusable", yellow(number(unusable)))
  if (dead_lettered > 0) {
    yield* line(
      "dead letters",
      `${number(dead_lettered)}; after a fix, \`threeqpr dead-letters redrive\` repairs them`
    )
  }
  if (reconciliation.codes_error === null) {
    const { codes_appended, codes_outdated, codes_seen, codes_unusable } = reconciliation
    yield* line("codes", `${number(codes_seen)} that 3QPR has`)
    yield* line("outdated", warned(codes_outdated))
    if (!dry_run) yield* line("updated", number(codes_appended))
    if (codes_unusable > 0) yield* line("unusable", yellow(number(codes_unusable)))
  }
  yield* printExamples(reconciliation)
})

/** Lists the missing scans, by their result. */
const printExamples = Effect.fnUntraced(function*(reconciliation: Reconciliation) {
  const { dim } = yield* paint
  const list = Effect.fnUntraced(function*(name: string, examples: ReadonlyArray<string>, all: number) {
    if (examples.length === 0) return
    yield* Console.log(`\n${dim(examples.length < all ? `${name}, the first ${examples.length}` : name)}`)
    for (const example of examples) yield* Console.log(`  ${example}`)
  })
  const { appended, dry_run, repaired_examples, still_missing, still_missing_examples, unusable } =
    reconciliation
  const unusables = reconciliation.unusable_examples.map(({ id, reason }) =>
    `${id ?? "without an id"}: ${reason}`
  )
  yield* list("repaired", repaired_examples, appended)
  yield* list(dry_run ? "missing" : "still missing", still_missing_examples, still_missing)
  yield* list("unusable", unusables, unusable)
})

const number = (value: number) => value.toLocaleString("en-US")
