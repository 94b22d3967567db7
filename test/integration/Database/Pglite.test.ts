// Runs: long

import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { PGlite } from "@electric-sql/pglite"
import { Effect } from "effect"
import { Buffer } from "node:buffer"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { makeConnections, type Sent } from "../../../src/Database/PgliteConnections.ts"
import { keepUp } from "../../../src/Database/PgliteUpkeep.ts"
import { newEmbeddedDataDir } from "../../support/Databases.ts"

/** PGlite in this thread, with a new data folder. */
const pglite = Effect.gen(function*() {
  const data = join(yield* newEmbeddedDataDir, "postgres", "data")
  const db = yield* Effect.acquireRelease(
    Effect.promise(() => PGlite.create(data)),
    (db) => Effect.promise(() => db.close())
  )
  return { data, db }
})

/** Encodes a message of the Postgres protocol. */
const message = (type: string, body: string) => {
  const payload = Buffer.from(body)
  const header = Buffer.alloc(5)
  header.write(type)
  header.writeInt32BE(payload.length + 4, 1)
  return new Uint8Array(Buffer.concat([header, payload])).buffer
}
const query = (sql: string) => message("Q", `${sql}\0`)
const parse = (sql: string) => message("P", `\0${sql}\0\0\0`)

const textOf = (answers: ReadonlyArray<Sent>) =>
  answers.map((answer) => answer.type === "bytes" ? Buffer.from(answer.bytes).toString("latin1") : "end")
    .join("|")

describe("the maintenance of the embedded Postgres", () => {
  it.live("bounds the size of a table with constant updates, and of the write-ahead log", () =>
    Effect.gen(function*() {
      const { data, db } = yield* pglite
      const churn = async () => {
        for (let round = 0; round < 25; round++) await db.exec("update counters set value = value + 1")
        await keepUp(db)
      }
      const sizes = async () => {
        const { rows: [row] } = await db.query<{ readonly bytes: number }>(
          "select pg_relation_size('counters')::int as bytes"
        )
        return { table: row?.bytes ?? 0, segments: readdirSync(join(data, "pg_wal")).length }
      }
      yield* Effect.promise(async () => {
        await db.exec(
          "create table counters as select id, 0 as value, repeat('x', 500) as text from generate_series(1, 2000) as id"
        )
        for (let round = 0; round < 4; round++) await churn()
        const before = await sizes()
        for (let round = 0; round < 8; round++) await churn()
        const after = await sizes()
        assert.isAtMost(after.table, before.table * 1.1)
        assert.isAtMost(after.segments, before.segments + 2)
      })
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})

describe("connections to PGlite", () => {
  it.live("are served one after the other, each in a new session", () =>
    Effect.gen(function*() {
      const { db } = yield* pglite
      const answers: Array<Sent> = []
      const { isIdle, take } = makeConnections(db, (answer) => answers.push(answer))
      const tell = (connection: number, bytes: ArrayBuffer) =>
        Effect.promise(async () => take({ type: "bytes", connection, bytes }))
      const end = (connection: number) => Effect.promise(async () => take({ type: "end", connection }))

      yield* tell(1, query("begin; set work_mem = '77MB'"))
      assert.isFalse(isIdle(), "in a transaction")
      yield* tell(2, query("show work_mem"))
      yield* tell(3, query("select 'third'"))
      yield* end(3)
      assert.lengthOf(answers, 1, "the others wait, or have gone")
      yield* end(1)
      assert.include(textOf(answers.slice(1)), "4MB")
      assert.isTrue(isIdle())

      yield* tell(2, parse("select 1"))
      assert.isFalse(isIdle(), "in the middle of a statement")
      yield* end(2)
      assert.isTrue(isIdle())
      yield* tell(4, query("select 'fourth'"))
      assert.include(textOf(answers), "fourth")
      assert.notInclude(textOf(answers), "third")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("are ended at once when they only request a cancellation", () =>
    Effect.gen(function*() {
      const { db } = yield* pglite
      const answers: Array<Sent> = []
      const { take } = makeConnections(db, (answer) => answers.push(answer))
      const cancel = new Uint8Array([0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 1, 0, 0, 0, 1]).buffer
      yield* Effect.promise(async () => take({ type: "bytes", connection: 7, bytes: cancel }))
      assert.deepStrictEqual(answers, [{ type: "end", connection: 7 }])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
