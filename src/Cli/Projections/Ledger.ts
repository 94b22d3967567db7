import { Console, Effect } from "effect"
import type { LedgerAnswer } from "../../Admin/Api/Projections.ts"
import { CommandFailed } from "../CommandFailed.ts"
import { liveLine } from "../LiveLine.ts"
import { paint, printJson, table } from "../Output.ts"
import type { Calls } from "./Calls.ts"
import { number } from "./WatchProjections.ts"

/** Maximum number of problems that are shown for a projection. */
const mostProblems = 100

interface Account extends Pick<LedgerAnswer, "projection" | "generation" | "up_to" | "gone" | "counts"> {
  readonly unexplained: number
  readonly problems: LedgerAnswer["problems"]
}

/** Reads the ledger page by page, and shows the progress. */
export const account = Effect.fnUntraced(function*(calls: Calls, name: string) {
  const screen = yield* liveLine
  const pages: Array<LedgerAnswer> = []
  yield* Effect.gen(function*() {
    for (let more = true; more;) {
      const last = pages.at(-1)
      const page = yield* calls.ledger(name, last ? { after: last.cursor, up_to: last.up_to } : {})
      if (last !== undefined && last.generation !== page.generation) {
        return yield* new CommandFailed({
          message: `A rebuild of ${name} switched meanwhile. Run the command again.`
        })
      }
      pages.push(page)
      more = page.more
      yield* screen.show(`${name}: ${number(page.cursor)} of ${number(page.up_to)} entries`)
    }
  }).pipe(Effect.ensuring(screen.clear))
  return sum(pages)
})

const sum = ([first, ...rest]: ReadonlyArray<LedgerAnswer>): Account => {
  const all = [first, ...rest].filter((page) => page !== undefined)
  const problems = all.flatMap(({ problems }) => problems)
  const total = (count: keyof LedgerAnswer["counts"]) =>
    all.reduce((sum, { counts }) => sum + counts[count], 0)
  return {
    projection: first?.projection ?? "",
    generation: first?.generation ?? 0,
    up_to: first?.up_to ?? 0,
    gone: first?.gone ?? 0,
    counts: {
      stream: total("stream"),
      applied: total("applied"),
      repeated: total("repeated"),
      dead_lettered: total("dead_lettered"),
      quarantined: total("quarantined"),
      not_mine: total("not_mine"),
      skipped: total("skipped"),
      double: total("double")
    },
    unexplained: problems.filter(({ kind }) => kind === "unexplained").length,
    problems: problems.slice(0, mostProblems)
  }
}

/** Prints a column for each projection, then the problems. Fails when there is a problem. */
export const showLedgers = Effect.fnUntraced(function*(accounts: ReadonlyArray<Account>, asJson: boolean) {
  yield* asJson ? Effect.forEach(accounts, printJson) : show(accounts)
  const wrong = accounts.filter(({ problems }) => problems.length > 0)
  if (wrong.length === 0) return
  return yield* new CommandFailed({
    message: `Not every event has exactly one result in ${
      wrong.map(({ projection }) => projection).join(", ")
    }. `
      + "Run `threeqpr projections rebuild <name>` to rebuild it from the log."
  })
})

const show = Effect.fnUntraced(function*(accounts: ReadonlyArray<Account>) {
  const { red } = yield* paint
  const row = (title: string, count: (account: Account) => number, alarming = false) => [
    title,
    ...accounts.map((account) => {
      const value = number(count(account))
      return alarming && count(account) > 0 ? red(value) : value
    })
  ]
  yield* table(
    [{ title: "ENTRIES" }, ...accounts.map(({ projection }) => ({ title: projection, right: true }))],
    [
      row("in the stream", ({ counts }) => counts.stream),
      row("applied", ({ counts }) => counts.applied),
      row("again", ({ counts }) => counts.repeated),
      row("dead letters", ({ counts }) => counts.dead_lettered),
      row("quarantined", ({ counts }) => counts.quarantined),
      row("of other types", ({ counts }) => counts.not_mine),
      row("skipped", ({ counts }) => counts.skipped, true),
      row("double", ({ counts }) => counts.double, true),
      row("unexplained", ({ unexplained }) => unexplained, true),
      row("gone from it", ({ gone }) => gone)
    ]
  )
  const problems = accounts.flatMap(({ problems, projection }) =>
    problems.map(({ id, kind, sequence }) => [projection, kind, number(sequence), id])
  )
  if (problems.length === 0) return
  yield* Console.log("")
  yield* table(
    [{ title: "PROJECTION" }, { title: "" }, { title: "SEQUENCE", right: true }, { title: "ID" }],
    problems
  )
})
