// Runs: long

import { assert, describe, it } from "@effect/vitest"
import type { PGlite } from "@electric-sql/pglite"
import { chmod, mkdtemp, readdir, rm, stat, utimes } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openInMemory } from "../../../src/Projector/Own/MemoryPostgres.ts"

/** The system identifier is random, so two databases have the same one only if both start from the same files. */
const identify = async (db: PGlite) => {
  const { rows: [row] } = await db.query<{ readonly id: string; readonly tables: number }>(
    "select (select system_identifier::text from pg_control_system()) as id,"
      + " (select count(*)::int from pg_tables where schemaname = 'public') as tables"
  )
  await db.close()
  return row
}

describe("the Postgres in memory", () => {
  it("starts from the files of an earlier one, unless other users can write them", async () => {
    const cache = await mkdtemp(join(tmpdir(), "threeqpr-cache-"))
    try {
      const first = await openInMemory(cache)
      await first.exec("create table later (id int)")
      const { id } = await identify(first) ?? {}
      assert.deepStrictEqual(await identify(await openInMemory(cache)), { id, tables: 0 })

      const [folder = ""] = await readdir(cache)
      const file = join(cache, folder, "files.tar")
      assert.strictEqual((await stat(file)).mode & 0o777, 0o600)
      await chmod(file, 0o666)
      await utimes(file, 0, 0)
      assert.notStrictEqual((await identify(await openInMemory(cache)))?.id, id)
      const renewed = await stat(file)
      assert.strictEqual(renewed.mode & 0o777, 0o600)
      assert.isAbove(renewed.mtimeMs, 0)
      assert.deepStrictEqual(await readdir(join(cache, folder)), ["files.tar"])
    } finally {
      await rm(cache, { recursive: true, force: true })
    }
  })

  it("starts where nothing can be kept", async () => {
    assert.strictEqual((await identify(await openInMemory("/dev/null/folder")))?.tables, 0)
  })
})
