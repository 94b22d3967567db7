/**
 * Shows whether the tests protect: removes one protection after the other, in a copy of the checkout, and checks
 * whether its test fails. `npm run protections`; `-- --row 11` those of a row of the docs' faults (or `"promise 4"`, or
 * the threat `T1`), `--only TEXT` (may be repeated) those with this in their names, `--runtime deno`, `--baseline` runs
 * each test untouched as well, `--json` prints a line of JSON each. Exits 1 when a test does not notice.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import process from "node:process"
import { parseArgs } from "node:util"
import { catalogue } from "./Catalogue.ts"
import type { Protection } from "./Protection.ts"
import { run, type Runtime, runtimes, type Seen } from "./Run.ts"
import * as Workspace from "./Workspace.ts"

const { values } = parseArgs({
  options: {
    row: { type: "string" },
    only: { type: "string", multiple: true },
    runtime: { type: "string", default: "node" },
    baseline: { type: "boolean", default: false },
    json: { type: "boolean", default: false }
  }
})

const wrongUsage = (message: string) => {
  process.stderr.write(`${message}\n`)
  return process.exit(2)
}
const runtime: Runtime = runtimes.find((name) => name === values.runtime)
  ?? wrongUsage(`--runtime is "${values.runtime}", and must be one of ${runtimes.join(", ")}.`)
const chosen = catalogue.filter(({ name, rows }) =>
  (values.row === undefined || rows.includes(values.row))
  && (values.only?.some((part) => name.toLowerCase().includes(part.toLowerCase())) ?? true)
)
if (chosen.length === 0) {
  wrongUsage(
    `There is none of this row and name. The names: ${catalogue.map(({ name }) => name).join("; ")}.`
  )
}

interface Line {
  readonly rows: string
  readonly protection: string
  readonly seen: string
  readonly isProven: boolean
}

const tell = (line: Line) =>
  Console.log(values.json ? JSON.stringify(line) : `| ${line.rows} | ${line.protection} | ${line.seen} |`)

const removed = (folder: string, protection: Protection) =>
  Effect.scoped(Effect.andThen(Workspace.edited(folder, protection.edits), run(folder, protection, runtime)))
    .pipe(
      Effect.map(({ message, outcome }: Seen): Line => ({
        rows: protection.rows.join(", "),
        protection: protection.name,
        seen: outcome === "failed" ? message : `NOT SEEN: ${message}`,
        isProven: outcome === "failed"
      }))
    )

const untouched = (folder: string, test: Pick<Protection, "test" | "title">) =>
  Effect.map(run(folder, test, runtime), ({ message, outcome }): Line => ({
    rows: "baseline",
    protection: `${test.test}: ${test.title}`,
    seen: outcome === "passed" ? message : `FAILS UNTOUCHED: ${message}`,
    isProven: outcome === "passed"
  }))

const program = Effect.gen(function*() {
  const folder = yield* Workspace.make
  const tests = new Map(chosen.map(({ test, title }) => [`${test} ${title}`, { test, title }]))
  const runs = [
    ...values.baseline ? [...tests.values()].map((test) => untouched(folder, test)) : [],
    ...chosen.map((protection) => removed(folder, protection))
  ]
  if (!values.json) yield* Console.log("| row | protection | seen without it |\n| --- | --- | --- |")
  let unproven = 0
  for (const one of runs) {
    const line = yield* one
    if (!line.isProven) unproven++
    yield* tell(line)
  }
  if (unproven === 0) return
  yield* Console.error(`${unproven} of ${runs.length} are not proven.`)
  process.exitCode = 1
})

NodeRuntime.runMain(Effect.scoped(program))
