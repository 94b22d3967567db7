import { PGlite } from "@electric-sql/pglite"
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { parentPort, workerData } from "node:worker_threads"
import { makeConnections, type Sent } from "./PgliteConnections.ts"
import { paramsOf } from "./PgliteParams.ts"
import { keepUp } from "./PgliteUpkeep.ts"

// PGlite runs in this thread, because a statement blocks the thread in which it runs.

/** A message to the thread. */
export type ToWorker = Sent | { readonly type: "stop" }

/** A message from the thread: Postgres is open, bytes for a connection, a warning, or why Postgres died. */
export type FromWorker =
  | Sent
  | { readonly type: "ready" }
  | { readonly type: "warning"; readonly text: string }
  | { readonly type: "died"; readonly reason: string }

const send = (message: FromWorker) =>
  parentPort?.postMessage(message, message.type === "bytes" ? [message.bytes] : [])

/** Lines of Postgres's log about its own end. */
const lastWords: Array<string> = []
const options = {
  startParams: paramsOf(PGlite),
  onStderr: (line: string) => {
    if (/(PANIC|FATAL): /.test(line)) lastWords.push(line)
    return false
  }
}

const die = (error: unknown) => {
  send({ type: "died", reason: [...lastWords, String(error)].join("\n") })
  process.exit(1)
}

/**
 * Opens the database. A marker file exists while a database is created. If the process is killed meanwhile, the next
 * start deletes the incomplete database.
 */
const open = async (folder: string) => {
  const data = join(folder, "data")
  const unfinished = join(folder, "unfinished")
  if (existsSync(unfinished) || !existsSync(data)) {
    writeFileSync(unfinished, "")
    rmSync(data, { recursive: true, force: true })
    mkdirSync(data, { mode: 0o700 })
  }
  const db = await PGlite.create(data, options)
  rmSync(unfinished, { force: true })
  return db
}

/**
 * Ends the thread after a crash. PGlite swallows errors that are not SQL errors, such as a PANIC on a full disk, and
 * loops without an end.
 */
const dieOfCrashes = ({ Module: postgres }: PGlite) => {
  const runOnce = postgres[mainLoop]
  postgres[mainLoop] = () => {
    try {
      runOnce()
    } catch (error) {
      if ((error as { readonly status?: number }).status !== sqlError) die(error)
      throw error
    }
  }
}

const mainLoop = "_PostgresMainLoopOnce"
const sqlError = 100

try {
  const db = await open(workerData.folder)
  dieOfCrashes(db)
  const connections = makeConnections(db, send)
  const upkeep = () =>
    keepUp(db).catch((error) => send({ type: "warning", text: `upkeep of the embedded Postgres: ${error}` }))
  const stop = async () => {
    await db.close()
    process.exit(0)
  }
  let last: Promise<unknown> = Promise.resolve()
  const afterwards = (act: () => unknown) => {
    last = last.then(act).catch(die)
  }
  parentPort?.on(
    "message",
    (message: ToWorker) => afterwards(() => message.type === "stop" ? stop() : connections.take(message))
  )
  setInterval(() => afterwards(() => connections.isIdle() && upkeep()), 10_000)
  send({ type: "ready" })
} catch (error) {
  die(error)
}
