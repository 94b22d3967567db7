import { PGlite } from "@electric-sql/pglite"
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { parentPort, workerData } from "node:worker_threads"

/** What the main thread tells this one: bytes of a client's connection, its end, or to stop. */
export type ToWorker =
  | { readonly type: "bytes"; readonly connection: number; readonly bytes: Uint8Array }
  | { readonly type: "end"; readonly connection: number }
  | { readonly type: "stop" }

/** What this thread tells the main one. */
export type FromWorker =
  | { readonly type: "ready" }
  | { readonly type: "failed"; readonly reason: string }
  | { readonly type: "bytes"; readonly connection: number; readonly bytes: Uint8Array }

const main = async () => {
  const log: Array<string> = []
  const db = await open(workerData.folder, log).catch((error) => {
    send({ type: "failed", reason: [String(error), ...log].join("\n") })
    process.exit(1)
  })
  send({ type: "ready" })
  serve(db)
}

const open = async (folder: string, log: Array<string>) => {
  const data = join(folder, "data")
  const options = { onStderr: (line: string) => log.push(line) > 0 }
  if (!existsSync(data)) {
    const draft = join(folder, "creating")
    rmSync(draft, { recursive: true, force: true })
    mkdirSync(draft, { mode: 0o700 })
    const created = await PGlite.create(draft, options)
    await created.close()
    renameSync(draft, data)
  }
  return PGlite.create(data, options)
}

const serve = (db: PGlite) => {
  parentPort?.on("message", async (message: ToWorker) => {
    switch (message.type) {
      case "bytes": {
        const chunks: Array<Uint8Array> = []
        await db.execProtocolRawStream(message.bytes, { onRawData: (c) => chunks.push(c.slice()) })
        send({ type: "bytes", connection: message.connection, bytes: Buffer.concat(chunks) })
        break
      }
      case "end":
        break
      case "stop":
        await db.close()
        process.exit(0)
    }
  })
}

const send = (message: FromWorker) => parentPort?.postMessage(message)

main()
