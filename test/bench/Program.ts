import { Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { freePort } from "../support/Port.ts"
import type { Runtime } from "./Part.ts"

/** A measured program that listens on loopback. */
export interface Program {
  readonly url: string
  readonly pid: number
}

// With the same memory for young objects as in `npm start` and `deno task start`.
const commands: Readonly<Record<Runtime, ReadonlyArray<string>>> = {
  node: ["node", "--max-semi-space-size=4"],
  deno: ["deno", "run", "-A", "--quiet", "--v8-flags=--max-semi-space-size=4"]
}

/** Runs a script of this folder to its end, and returns its output. */
export const output = (
  runtime: Runtime,
  script: string,
  args: ReadonlyArray<string>,
  environment: NodeJS.ProcessEnv
) =>
  Effect.promise(async () => {
    const child = run(runtime, script, args, environment)
    let text = ""
    child.stdout?.on("data", (chunk) => void (text += String(chunk)))
    const [code] = await once(child, "close")
    if (code !== 0) throw new Error(`${script} ended with ${code}`)
    return text
  })

/** Starts a script of this folder with a free PORT, until the scope ends. Waits until it answers HTTP. */
export const start = (
  runtime: Runtime,
  script: string,
  args: ReadonlyArray<string>,
  environment: NodeJS.ProcessEnv
): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.gen(function*() {
    const port = yield* Effect.promise(freePort)
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => run(runtime, script, args, { ...environment, PORT: String(port) })),
      stop
    )
    child.stdout?.resume()
    const url = `http://127.0.0.1:${port}`
    yield* Effect.promise(() => fetch(url).then((response) => response.text().then(() => true), () => false))
      .pipe(
        Effect.tap((up) => up ? Effect.void : Effect.sleep("50 millis")),
        Effect.repeat({ until: (up) => up || child.exitCode !== null })
      )
    if (child.exitCode !== null || child.pid === undefined) {
      return yield* Effect.die(new Error(`${script} did not start`))
    }
    return { url, pid: child.pid }
  })

/** Stops a program with SIGTERM, and waits until it has ended. */
export const stop = (child: ChildProcess): Effect.Effect<void> =>
  Effect.promise(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, "exit")
    child.kill("SIGTERM")
    await exited
  })

const run = (
  runtime: Runtime,
  script: string,
  args: ReadonlyArray<string>,
  environment: NodeJS.ProcessEnv
) => {
  const [command = "", ...before] = commands[runtime]
  return spawn(command, [...before, fileURLToPath(new URL(script, import.meta.url)), ...args], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"]
  })
}
