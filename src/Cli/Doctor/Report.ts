import { Console, Effect } from "effect"
import type { Checked } from "../Examine/Examine.ts"
import { paint } from "../Output.ts"
import { wrap } from "../Wrap.ts"

/** Prints the checks for people: a mark, the name of the check, the finding, and the remedy below it. */
export const report = Effect.fnUntraced(function*(checks: ReadonlyArray<Checked>) {
  const { bold, dim, green, red, yellow } = yield* paint
  const marks = { ok: green("✓"), warning: yellow("!"), failed: red("✗"), skipped: dim("–") }
  const widest = Math.max(...checks.map(({ check }) => check.length))
  const indent = widest + 4
  for (const { check, remedy, seen, state } of checks) {
    const [first = "", ...others] = wrap(seen, indent)
    yield* Console.log(`${marks[state]} ${bold(check.padEnd(widest))}  ${first}`)
    for (const line of others) yield* Console.log(" ".repeat(indent) + line)
    if (remedy === undefined) continue
    for (const [at, line] of wrap(remedy, indent + 2).entries()) {
      yield* Console.log(" ".repeat(indent) + (at === 0 ? "→ " : "  ") + dim(line))
    }
  }
})
