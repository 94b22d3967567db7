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
  /** Its log messages so far. */
  readonly logs: ReadonlyArray<string>
  /** Sends a signal and returns the exit code, which is null when the signal ended the process. */
  readonly end: (signal: NodeJS.Signals) => Effect.Effect<number | null>
}

/** The result of a command that has ended. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const main = fileURLToPath(new URL("../../bin/threeqpr.js", import.meta.url))
const onDeno = process.versions["deno"] !== undefined

/** Options for starting a process under test. */
export interface Launch {
  /** The program to run instead of this checkout's. */
  readonly entry?: string
  /** Flags of the runtime instead of those that allow everything. */
  readonly permissions?: ReadonlyArray<string>
  /** A module to load before the program. */
  readonly preload?: string
  /** The maximum heap size for JavaScript objects, in mebibytes. */
  readonly heap?: number
  /** The maximum number of open files and sockets. */
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

/** Keeps environment variables of the test machine out of the tested process. */
const isolated = (environment: Readonly<Record<string, string>>) => ({
  PATH: process.env["PATH"],
  HOME: process.env["HOME"],
  NATS_SERVER_BIN: process.env["NATS_SERVER_BIN"],
  NO_COLOR: "1",
  ...environment
})

/** Starts the program in a separate process. */
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

/** The program, quoted for use in a shell command line. */
export const program = [process.execPath, ...runtimeArguments({}), main].map((part) => `'${part}'`).join(" ")

/** Runs a shell command line to its end. `threeqpr` in it stands for the program. */
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

/** Runs a command of the program to its end, with `input` on its standard input. */
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

/** A command of the program that runs until it is stopped. */
export interface Running {
  /** Waits for a line that matches, and returns it. Earlier lines count too. */
  readonly line: (from: "stdout" | "stderr", fits: RegExp) => Effect.Effect<string>
  readonly stdout: ReadonlyArray<string>
  readonly stderr: ReadonlyArray<string>
  readonly signal: (signal: NodeJS.Signals) => void
  readonly ended: Effect.Effect<Ended>
  /** Sends a signal and returns the exit code, which is null when the signal ended the process. */
  readonly end: (signal: NodeJS.Signals) => Effect.Effect<number | null>
}

/** Starts a command of the program. Kills it when the scope closes, if it still runs. */
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
 * Starts `serve` on free ports and waits until it is ready. Kills it when the scope closes, if it still runs.
 * `launch.entry` is the program of another checkout.
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

/** Most tests of the private listener are not about access, so no token is required unless they set one. */
const access = (environment: Readonly<Record<string, string>>) =>
  ["ADMIN_TOKEN", "ADMIN_TOKEN_FILE", "ADMIN_WITHOUT_TOKEN"].some((variable) => environment[variable])
    ? {}
    : { ADMIN_WITHOUT_TOKEN: "true" }

/** Waits until a spawned `serve` is ready. Kills it when the scope closes, if it still runs. */
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
    // `serve` prints nothing to standard output, but unread output would block it.
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

// A log line is JSON when the output is not a terminal.
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
    // Deno reports a process that `child.kill` stopped as killed, whatever its exit code is.
    if (child.pid !== undefined) process.kill(child.pid, signal)
  })
