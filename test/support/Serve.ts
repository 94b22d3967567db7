import { Effect, type Scope } from "effect"
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { baselineOnly } from "./WebAssembly.ts"

/** A running `threeqpr serve`. */
export interface Serve {
  readonly pid: number
  /** The webhook's URL; empty without the ingress role. */
  readonly webhook: string
  /** The private listener's URL. */
  readonly admin: string
  /** What it has logged so far. */
  readonly logs: ReadonlyArray<string>
  /** Sends a signal and gives the exit code, null when the signal ended it. */
  readonly end: (signal: NodeJS.Signals) => Effect.Effect<number | null>
}

/** A command that ran to its end. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const main = fileURLToPath(new URL("../../bin/threeqpr.js", import.meta.url))
const onDeno = process.versions["deno"] !== undefined

/** How a process of ours is started otherwise than by itself. */
export interface Launch {
  /** What is run in place of this checkout's program. */
  readonly entry?: string
  /** Flags of the runtime in place of those that allow everything. */
  readonly permissions?: ReadonlyArray<string>
  /** A module that is run before ours. */
  readonly preload?: string
  /** The most memory for JavaScript's objects, in mebibytes. */
  readonly heap?: number
  /** The most files and sockets that it may have open. */
  readonly files?: number
}

const runtimeArguments = ({ heap, permissions, preload }: Launch) => {
  const engine = [baselineOnly, ...(heap === undefined ? [] : [`--max-old-space-size=${heap}`])]
  return onDeno
    ? [
      "run",
      ...permissions ?? ["-A"],
      "--quiet",
      ...(preload === undefined ? [] : ["--preload", preload]),
      `--v8-flags=${engine.join(",")}`
    ]
    : [
      ...permissions ?? [],
      ...(preload === undefined ? [] : ["--import", preload]),
      ...engine
    ]
}

/** Variables of the machine that runs the tests must not leak into what is tested. */
const isolated = (environment: Readonly<Record<string, string>>) => ({
  PATH: process.env["PATH"],
  HOME: process.env["HOME"],
  NATS_SERVER_BIN: process.env["NATS_SERVER_BIN"],
  NO_COLOR: "1",
  ...environment
})

/** Starts the program as a process of its own. */
export const spawnMain = (
  args: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>>,
  launch: Launch = {}
) => {
  const command = [process.execPath, ...runtimeArguments(launch), launch.entry ?? main, ...args]
  const limited = launch.files === undefined
    ? command
    : ["sh", "-c", `ulimit -n ${launch.files} && exec "$0" "$@"`, ...command]
  return spawn(limited[0] ?? "", limited.slice(1), {
    env: isolated(environment),
    stdio: ["pipe", "pipe", "pipe"]
  })
}

/** The program as a part of a line of the shell. */
export const program = [process.execPath, ...runtimeArguments({}), main].map((part) => `'${part}'`).join(" ")

/** Runs a command within a line of the shell, in which `threeqpr` is the program, to its end. */
export const shell = (line: string) =>
  Effect.callback<Ended>((resume) => {
    const child = spawn("bash", ["-c", line.replaceAll(/\bthreeqpr\b/g, program)], { env: isolated({}) })
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk) => void (stdout += String(chunk)))
    child.stderr.on("data", (chunk) => void (stderr += String(chunk)))
    child.once("close", (code) => resume(Effect.succeed({ code, stdout, stderr })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** Runs a command of ours to its end, with nothing or `input` on its standard input. */
export const threeqpr = (
  args: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {},
  input: string | Uint8Array = "",
  launch: Launch = {}
) =>
  Effect.callback<Ended>((resume) => {
    const child = spawnMain(args, environment, launch)
    child.stdin.on("error", () => undefined).end(input)
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk) => void (stdout += String(chunk)))
    child.stderr.on("data", (chunk) => void (stderr += String(chunk)))
    child.once("close", (code) => resume(Effect.succeed({ code, stdout, stderr })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** A command of ours that runs until it is told to stop. */
export interface Running {
  /** Waits until a stream has a line that fits, and gives it; earlier lines count. */
  readonly line: (from: "stdout" | "stderr", fits: RegExp) => Effect.Effect<string>
  readonly stdout: ReadonlyArray<string>
  readonly stderr: ReadonlyArray<string>
  readonly signal: (signal: NodeJS.Signals) => void
  readonly ended: Effect.Effect<Ended>
  /** Sends a signal and gives the exit code, null when the signal ended it. */
  readonly end: (signal: NodeJS.Signals) => Effect.Effect<number | null>
}

/** Starts a command of ours. Killed, if it still runs, with the scope. */
export const running = (
  args: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {}
): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => spawnMain(args, environment)),
    (child) => Effect.asVoid(end(child, "SIGKILL"))
  ).pipe(Effect.map((child) => {
    const seen = { stdout: new Array<string>(), stderr: new Array<string>() }
    const waiting = new Set<() => void>()
    const textOf = (lines: ReadonlyArray<string>) => lines.map((line) => `${line}\n`).join("")
    const closed = new Promise<Ended>((resolve) =>
      child.once(
        "close",
        (code) => resolve({ code, stdout: textOf(seen.stdout), stderr: textOf(seen.stderr) })
      )
    )
    for (const from of ["stdout", "stderr"] as const) {
      const stream = child[from]
      if (stream === null) continue
      createInterface(stream).on("line", (line) => {
        seen[from].push(line)
        for (const look of waiting) look()
      })
    }
    return {
      ...seen,
      line: (from, fits) =>
        Effect.callback<string>((resume) => {
          const look = () => {
            const line = seen[from].find((line) => fits.test(line))
            if (line === undefined) return
            waiting.delete(look)
            resume(Effect.succeed(line))
          }
          waiting.add(look)
          look()
          return Effect.sync(() => void waiting.delete(look))
        }),
      signal: (signal) => void (child.pid !== undefined && process.kill(child.pid, signal)),
      ended: Effect.promise(() => closed),
      end: (signal) => end(child, signal)
    }
  }))

/**
 * Starts `serve` on free ports and waits until it is ready. Kills it, if it still runs, when the scope closes. `entry`
 * is the program of another checkout.
 */
export const serve = (
  environment: Readonly<Record<string, string>>,
  args: ReadonlyArray<string> = [],
  launch: Launch = {}
): Effect.Effect<Serve, never, Scope.Scope> =>
  started(() =>
    spawnMain(
      ["serve", ...args],
      { PORT: "0", ADMIN_PORT: "0", ...access(environment), ...environment },
      launch
    )
  )

/** Most tests ask the private listener for something else than access: without a token of theirs, none is demanded. */
const access = (environment: Readonly<Record<string, string>>) =>
  ["ADMIN_TOKEN", "ADMIN_TOKEN_FILE", "ADMIN_WITHOUT_TOKEN"].some((variable) => environment[variable])
    ? {}
    : { ADMIN_WITHOUT_TOKEN: "true" }

/** Waits until a `serve` that another process spawns is ready. Killed, if it still runs, with the scope. */
export const started = (
  spawnServe: () => ChildProcessWithoutNullStreams
): Effect.Effect<Serve, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawnServe()
      child.stdin.end()
      return child
    }),
    (child) => Effect.asVoid(end(child, "SIGKILL"))
  ).pipe(Effect.flatMap(whenReady))

const whenReady = (child: ChildProcess) =>
  Effect.callback<Serve>((resume) => {
    const logs: Array<string> = []
    const urlIn = (start: string) =>
      logs.find((line) => line.startsWith(start))?.slice(start.length).replace("0.0.0.0", "127.0.0.1") ?? ""
    if (child.stderr === null) return
    // It prints nothing there; output that is not read would make it wait.
    child.stdout?.on("data", (chunk) => logs.push(`on stdout: ${chunk}`))
    createInterface(child.stderr).on("line", (line) => {
      logs.push(messageOf(line))
      if (!logs.at(-1)?.startsWith("ready in ")) return
      resume(Effect.succeed({
        pid: child.pid ?? 0,
        webhook: urlIn("webhook: POST ").replace("localhost", "127.0.0.1"),
        admin: urlIn("private listener: "),
        logs,
        end: (signal) => end(child, signal)
      }))
    })
    child.once(
      "exit",
      (code) => resume(Effect.die(new Error(`serve ended with ${code}:\n${logs.join("\n")}`)))
    )
  })

// A log line is JSON when it does not go to a terminal.
const messageOf = (line: string): string => {
  try {
    const { message } = JSON.parse(line)
    return Array.isArray(message) ? message.join(" ") : String(message)
  } catch {
    return line
  }
}

const end = (child: ChildProcess, signal: NodeJS.Signals) =>
  Effect.callback<number | null>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.succeed(child.exitCode))
    child.once("exit", (code) => resume(Effect.succeed(code)))
    // Deno reports a process that was told to stop by `child.kill` as killed, whatever its exit code.
    if (child.pid !== undefined) process.kill(child.pid, signal)
  })
