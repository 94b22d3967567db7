import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import process from "node:process"
import { fileURLToPath } from "node:url"

/** A running example. */
export interface Example {
  readonly stdout: () => string
  readonly stderr: () => string
  /** Sends SIGTERM and returns the exit code. */
  readonly stop: Effect.Effect<number | null>
}

const runtimeArguments = process.versions["deno"] === undefined ? [] : ["run", "-A", "--quiet"]

const checkout = fileURLToPath(new URL("../..", import.meta.url))

/**
 * Runs a program on the runtime of the tests until the scope ends. Only its imports of the package are changed, to
 * the sources.
 */
export const example = Effect.fnUntraced(function*(
  name: string,
  code: string,
  environment: Readonly<Record<string, string>>
) {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(`${checkout}/test/examples/run-`)),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  )
  writeFileSync(
    `${folder}/${name}`,
    code.replaceAll(
      /from "threeqpr-events(?:\/(\w+))?"/g,
      (_, entry = "index") => `from "../../../src/${entry}.ts"`
    )
  )
  return yield* run(`${folder}/${name}`, environment)
})

const run = (
  file: string,
  environment: Readonly<Record<string, string>>
): Effect.Effect<Example, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [...runtimeArguments, file], {
        cwd: checkout,
        env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...environment },
        stdio: ["ignore", "pipe", "pipe"]
      })
      let stdout = ""
      let stderr = ""
      child.stdout.on("data", (chunk) => void (stdout += String(chunk)))
      child.stderr.on("data", (chunk) => void (stderr += String(chunk)))
      const end = (signal: NodeJS.Signals) =>
        Effect.promise(async () => {
          if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
          const exited = once(child, "exit")
          // Deno reports a process that `child.kill` stopped as killed, whatever its exit code is.
          process.kill(child.pid ?? 0, signal)
          await exited
          return child.exitCode
        })
      return { stdout: () => stdout, stderr: () => stderr, stop: end("SIGTERM"), kill: end("SIGKILL") }
    }),
    ({ kill }) => kill
  )
