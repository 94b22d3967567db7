import { appendFileSync } from "node:fs"
import process from "node:process"
import type { Reporter, TestModule } from "vitest/node"

const shown = 10

/** Prints the slowest test files after a run. Appends the failed ones to the file `FAILED_FILES`, if that is set. */
export class SlowestFiles implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>) {
    const report = process.env["FAILED_FILES"]
    for (const module of modules) {
      if (report !== undefined && module.state() === "failed") {
        appendFileSync(report, `${module.relativeModuleId}\n`)
      }
    }
    const times = modules.map((module) => ({
      name: `${module.project.name} ${module.relativeModuleId}`,
      seconds: module.diagnostic().duration / 1_000
    })).toSorted((a, b) => b.seconds - a.seconds)
    if (times.length < 2) return
    const total = times.reduce((sum, { seconds }) => sum + seconds, 0)
    const lines = times.slice(0, shown).map(({ name, seconds }) =>
      `  ${seconds.toFixed(1).padStart(6)} s  ${name}`
    )
    process.stdout.write(
      `\nSlowest of ${times.length} files (${total.toFixed(0)} s in all):\n${lines.join("\n")}\n`
    )
  }
}
