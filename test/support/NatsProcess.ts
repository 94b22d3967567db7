import { Effect, type Scope } from "effect"
import type { ChildProcess } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { findOrInstall } from "../../src/Nats/Install.ts"
import { binary, platform } from "./Broker.ts"
import { spawnGuarded } from "./Guarded.ts"
import { freePort } from "./Port.ts"
import { standStill } from "./Processes.ts"

/** A nats-server for tests. It is not restarted automatically. */
export interface NatsProcess {
  readonly url: string
  readonly port: number
  readonly token: string
  /** The folder of its stored data. */
  readonly storage: string
  /** The process id of nats-server, while it runs. */
  readonly pid: Effect.Effect<number>
  /** Sends a signal. Waits until the process has ended or is suspended, except after SIGCONT. */
  readonly signal: (signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT") => Effect.Effect<void>
  /** Reloads the configuration with other top-level settings; `{}` restores the first configuration. */
  readonly reload: (others: Readonly<Record<string, unknown>>) => Effect.Effect<void>
  /** Deletes the stored data. The server must not be running. */
  readonly wipe: Effect.Effect<void>
  /** Starts the server again on the same port with the same data. Does not wait until JetStream is up. */
  readonly start: Effect.Effect<void>
}

/**
 * Starts a server until the scope ends. `jetstream` is that section of its configuration, and `others` are further
 * settings.
 */
export const start = (
  jetstream: Readonly<Record<string, unknown>> = {},
  others: Readonly<Record<string, unknown>> = {}
): Effect.Effect<NatsProcess, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { path } = yield* findOrInstall({ binary }).pipe(Effect.provide(platform), Effect.orDie)
    return yield* Effect.acquireRelease(
      Effect.promise(() => launch(path, jetstream, others)),
      ({ remove }) => Effect.promise(remove)
    )
  })

async function launch(
  path: string,
  jetstream: Readonly<Record<string, unknown>>,
  others: Readonly<Record<string, unknown>>
) {
  const folder = mkdtempSync(join(tmpdir(), "threeqpr-nats-"))
  const port = await freePort()
  const token = "token_of_the_tests"
  const config = join(folder, "nats.json")
  const pidFile = join(folder, "pid")
  const settings = {
    host: "127.0.0.1",
    port,
    authorization: { token },
    max_payload: 2 * 1024 * 1024,
    pid_file: pidFile,
    jetstream: { store_dir: folder, ...jetstream },
    ...others
  }
  writeFileSync(config, JSON.stringify(settings))
  let child: ChildProcess | undefined
  const run = async () => {
    child = spawnGuarded(path, ["-c", config], "KILL")
    await said(child, "Server is ready")
  }
  const pid = () => Number.parseInt(readFileSync(pidFile, "utf8"))
  const signal = async (signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT") => {
    if (child === undefined || child.exitCode !== null) return
    if (signal === "SIGSTOP") return Effect.runPromise(standStill(pid()))
    if (signal === "SIGCONT") return void process.kill(pid(), signal)
    const exited = once(child, "exit")
    process.kill(pid(), signal)
    await exited
    child.stdin?.destroy()
  }
  await run()
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    token,
    storage: join(folder, "jetstream"),
    pid: Effect.sync(pid),
    signal: (name: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT") => Effect.promise(() => signal(name)),
    reload: (others: Readonly<Record<string, unknown>>) =>
      Effect.promise(async () => {
        if (child === undefined) return
        const reloaded = said(child, "Reloaded server configuration")
        writeFileSync(config, JSON.stringify({ ...settings, ...others }))
        process.kill(pid(), "SIGHUP")
        await reloaded
      }),
    wipe: Effect.sync(() => rmSync(join(folder, "jetstream"), { recursive: true, force: true })),
    start: Effect.promise(run),
    remove: () => signal("SIGKILL").then(() => rmSync(folder, { recursive: true, force: true }))
  }
}

const said = (child: ChildProcess, text: string) =>
  new Promise<void>((resolve, reject) => {
    let log = ""
    child.stderr?.on("data", (chunk) => {
      if (log.includes(text)) return
      log += String(chunk)
      if (log.includes(text)) resolve()
    })
    child.once("exit", (code) => reject(new Error(`nats-server ended with ${code}:\n${log}`)))
  })
