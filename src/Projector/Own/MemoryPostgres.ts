import type { PGlite } from "@electric-sql/pglite"
import { randomUUID } from "node:crypto"
import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { join } from "node:path"
import process from "node:process"
import { paramsOf } from "../../Database/PgliteParams.ts"
import { cacheDir } from "../../Process/CacheDir.ts"

/**
 * Opens an empty Postgres in memory. Creating one takes some seconds, so the files of the first one are kept in this
 * user's cache, and the next ones start from them.
 */
export const openInMemory = async (folder = cacheDir()): Promise<PGlite> => {
  const { PGlite } = await import("@electric-sql/pglite")
  const options = { startParams: paramsOf(PGlite) }
  const file = join(folder, `empty-postgres-${versionOfPglite()}`, "files.tar")
  const kept = await readKept(file)
  if (kept !== undefined) return PGlite.create({ ...options, loadDataDir: new Blob([kept]) })
  const db = await PGlite.create(options)
  await db.exec("checkpoint")
  const files = await db.dumpDataDir("none")
  // A user without a home, or a program that may not write there, creates a database each time.
  await keep(file, new Uint8Array(await files.arrayBuffer())).catch(() => undefined)
  return db
}

const versionOfPglite = (): string => {
  const require = createRequire(import.meta.url)
  return require(join(require.resolve("@electric-sql/pglite"), "../../package.json")).version
}

/** The kept files. Undefined if there are none, or if other users can write them. */
const readKept = async (file: string) => {
  try {
    for (const place of [file, join(file, "..")]) {
      const { mode, uid } = await stat(place)
      if (process.platform !== "win32" && (uid !== process.getuid?.() || (mode & writableByOthers) !== 0)) {
        return undefined
      }
    }
    return await readFile(file)
  } catch {
    return undefined
  }
}

const writableByOthers = 0o022

/** Keeps the files. Other processes see all of them or none. */
const keep = async (file: string, bytes: Uint8Array) => {
  const folder = join(file, "..")
  await mkdir(folder, { recursive: true })
  await chmod(folder, 0o700)
  // Threads of one process can keep it at the same time.
  const unfinished = `${file}.${randomUUID()}`
  try {
    await writeFile(unfinished, bytes, { mode: 0o600 })
    await rename(unfinished, file)
  } finally {
    await rm(unfinished, { force: true })
  }
}
