import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import process from "node:process"
import { fileURLToPath } from "node:url"

/** An example that runs as a user would run it. */
export interface Example {
  readonly stdout: () => string
  readonly stderr: () => string
  /** Tells it to stop, and gives its exit code. */
  readonly stop: Effect.Effect<number | null>
}

const runtimeArguments = process.versions["deno"] === undefined ? [] : ["run", "-A", "--quiet"]

const checkout = fileURLToPath(new URL("../..", import.meta.url))

/**
 * Runs a program on the runtime that runs the tests, until the scope ends: as it stands, but that the package is
 * not the one that was built.
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
          // Deno reports a process that was told to stop by `child.kill` as killed, whatever its exit code.
          process.kill(child.pid ?? 0, signal)
          await exited
          return child.exitCode
        })
      return { stdout: () => stdout, stderr: () => stderr, stop: end("SIGTERM"), kill: end("SIGKILL") }
    }),
    ({ kill }) => kill
  )
