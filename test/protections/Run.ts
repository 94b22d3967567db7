import { Effect, Predicate, Schema } from "effect"
import { spawn } from "node:child_process"
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { stripVTControlCharacters } from "node:util"
import type { Protection } from "./Protection.ts"

export const runtimes = ["node", "deno"] as const
export type Runtime = typeof runtimes[number]

/**
 * What became of a test. `failed`: its own assertion says why. `passed`: no test noticed. `unproven`: it never ran,
 * or waited until it was cut off, which proves nothing.
 */
export interface Seen {
  readonly outcome: "failed" | "passed" | "unproven"
  /** The first line of what it said. */
  readonly message: string
}

/** Longer than the slowest test of the catalogue, in milliseconds. */
const limit = 300_000

/** Runs one test in a copy of the checkout. */
export const run = Effect.fnUntraced(
  function*(folder: string, { test, title }: Pick<Protection, "test" | "title">, runtime: Runtime) {
    const output = join(folder, "report.json")
    rmSync(output, { force: true })
    const printed = yield* vitest(folder, runtime, [
      join("test", test),
      "--testNamePattern",
      patternOf(title),
      // A wait in a test reports its reason before the test is ended.
      "--testTimeout=120000",
      "--bail=1",
      "--reporter=json",
      `--outputFile=${output}`
    ])
    return existsSync(output)
      ? seenIn(decode(readFileSync(output, "utf8")), title)
      : unproven(`no report: ${printed.trim().split("\n").at(-1)}`)
  }
)

/** A title may have places for the cases of a table: `%s` or `${case}`. */
const patternOf = (title: string) =>
  title.split(/%s|\$\{\w+\}/).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join(".*")

const vitest = (folder: string, runtime: Runtime, args: ReadonlyArray<string>) =>
  Effect.callback<string>((resume) => {
    const own = runtime === "deno" ? ["run", "-A"] : []
    const child = spawn(
      join(folder, "node_modules/.bin", runtime),
      [...own, join("node_modules/vitest/vitest.mjs"), "run", ...args],
      { cwd: folder, env: { ...process.env, EXPECTED_RUNTIME: runtime }, detached: true }
    )
    let printed = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data) => void (printed = `${printed}${data}`.slice(-10_000)))
    }
    // With all its workers: none of them may continue in the next run.
    const end = () => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL")
    }
    const timer = setTimeout(end, limit)
    child.on("error", (error) => resume(Effect.die(error)))
    child.on("close", () => {
      clearTimeout(timer)
      resume(Effect.succeed(printed))
    })
    return Effect.sync(end)
  })

const Report = Schema.fromJsonString(Schema.Struct({
  testResults: Schema.Array(Schema.Struct({
    message: Schema.String,
    assertionResults: Schema.Array(Schema.Struct({
      fullName: Schema.String,
      status: Schema.String,
      failureMessages: Schema.NullOr(Schema.Array(Schema.Unknown))
    }))
  }))
}))

const decode = Schema.decodeUnknownSync(Report)

const seenIn = ({ testResults }: typeof Report.Type, title: string): Seen => {
  const ran = testResults.flatMap(({ assertionResults }) => assertionResults).filter(
    ({ fullName, status }) =>
      new RegExp(patternOf(title)).test(fullName) && (status === "passed" || status === "failed")
  )
  const failures = ran.filter(({ status }) => status === "failed").map(({ failureMessages }) =>
    firstLine(String(failureMessages?.[0] ?? "")) || "it failed with a value that is no error"
  )
  const said = failures.find((message) => !isCutOff(message))
  if (said !== undefined) return { outcome: "failed", message: said }
  if (failures[0] !== undefined) return unproven(failures[0])
  return ran.length > 0
    ? { outcome: "passed", message: "the test passed" }
    : unproven(
      `the test did not run: ${
        firstLine(testResults.map(({ message }) => message).find(Predicate.isTruthy) ?? "")
      }`
    )
}

const unproven = (message: string): Seen => ({ outcome: "unproven", message })

/** Vitest ended it: that says nothing of what it waited for. */
const isCutOff = (message: string) => /^\w*Error: (Test|Hook) timed out/.test(message)

const firstLine = (text: string) => stripVTControlCharacters(text).trim().split("\n", 1)[0] ?? ""
