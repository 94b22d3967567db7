/**
 * Runs the test command several times and lists the tests that failed at least once.
 *
 *   npm run test:repeat -- 3          three runs of `npm test`
 *   npm run test:repeat -- 3 --long   three runs of `npm run test:long`
 *   npm run test:repeat -- 3 --busy   with a second program that keeps every core busy
 */
import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

const root = fileURLToPath(new URL("../..", import.meta.url))
const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: { long: { type: "boolean", default: false }, busy: { type: "boolean", default: false } }
})
const runs = Number(positionals[0])
if (!Number.isInteger(runs) || runs < 1 || positionals.length > 1) {
  process.stderr.write("Give the number of runs, such as: npm run test:repeat -- 3\n")
  process.exit(2)
}

interface Report {
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly message: string
    readonly assertionResults: ReadonlyArray<{ readonly fullName: string; readonly status: string }>
  }>
}

/** The failed tests of a report. A file that could not run at all counts as one. */
const failedIn = ({ testResults }: Report) =>
  testResults.flatMap(({ assertionResults, message, name }) => {
    const failed = assertionResults.filter(({ status }) => status === "failed").map(({ fullName }) =>
      fullName
    )
    return (failed.length === 0 && message !== "" ? [message] : failed).map((test) => `${name}: ${test}`)
  })

const folder = mkdtempSync(join(tmpdir(), "threeqpr-repeat-"))
const busy = options.busy
  ? Array.from({ length: availableParallelism() }, () => spawn(process.execPath, ["-e", "for (;;);"]))
  : []
const failures = new Map<string, number>()
try {
  for (let run = 1; run <= runs; run++) {
    for (const runtime of ["node", "deno"]) {
      const report = join(folder, `${runtime}-${run}.json`)
      const began = performance.now()
      const { status } = spawnSync(
        "npm",
        [
          "run",
          options.long ? `test:long:${runtime}` : `test:${runtime}`,
          "--",
          "--reporter=default",
          "--reporter=json",
          `--outputFile.json=${report}`
        ],
        { cwd: root, stdio: "inherit" }
      )
      const failed = failedIn(JSON.parse(readFileSync(report, "utf8")))
      for (const test of failed) {
        failures.set(`${runtime} ${test}`, (failures.get(`${runtime} ${test}`) ?? 0) + 1)
      }
      if (status !== 0 && failed.length === 0) failures.set(`${runtime}: the run ended with ${status}`, 1)
      const seconds = ((performance.now() - began) / 1_000).toFixed(0)
      process.stdout.write(`Run ${run} of ${runs} on ${runtime}: ${failed.length} failed, ${seconds} s\n`)
    }
  }
} finally {
  for (const child of busy) child.kill("SIGKILL")
  rmSync(folder, { recursive: true })
}
for (const [test, times] of failures) process.stdout.write(`Failed in ${times} of ${runs} runs: ${test}\n`)
process.stdout.write(failures.size === 0 ? `No test failed in ${runs} runs.\n` : "")
process.exitCode = failures.size === 0 ? 0 : 1
