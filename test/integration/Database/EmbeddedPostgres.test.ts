// Runs: long

import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, FileSystem, Layer, Logger, Scope } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"
import { Database } from "../../../src/Database/Database.ts"
import { EmbeddedPostgresFailed } from "../../../src/Database/EmbeddedThread.ts"
import { isTransient } from "../../../src/Database/SqlFailure.ts"
import { messageOf } from "../../../src/Process/Failure.ts"
import { FolderLocked } from "../../../src/Process/FolderLock.ts"
import { newEmbeddedDataDir } from "../../support/Databases.ts"
import * as Script from "../../support/Script.ts"
import { poll, until } from "../../support/Until.ts"

const services = Layer.merge(NodeServices.layer, Logger.layer([]))

const test = <E>(title: string, body: Effect.Effect<void, E, Scope.Scope | Layer.Success<typeof services>>) =>
  it.live(title, () => body.pipe(Effect.provide(services)), 120_000)

/** Opens the database of a data folder, until the scope ends. */
const open = (dataDir: string) => Layer.build(Database.layer({ dataDir }))

const use = <A, E>(dataDir: string, effect: Effect.Effect<A, E, SqlClient | Database>) =>
  Effect.provide(effect, Database.layer({ dataDir }))

const numbers = Effect.gen(function*() {
  const sql = yield* SqlClient
  const rows = yield* sql<{ readonly number: number }>`select number from rows order by number`
  return rows.map(({ number }) => number)
})

/** The threads of this process, on Linux. */
const tasks = "/proc/self/task"

/** The number of worker threads of this process. */
const threads = () => readdirSync(tasks).filter((task) => /^worker/i.test(nameOf(task))).length

/** The name of a thread; empty when it has ended meanwhile. */
const nameOf = (task: string) => {
  try {
    return readFileSync(join(tasks, task, "comm"), "utf8")
  } catch {
    return ""
  }
}

describe("the embedded Postgres", () => {
  test(
    "is created when it is first opened, and kept",
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const dataDir = join(yield* fs.makeTempDirectoryScoped(), "does", "not", "exist", "yet")
      yield* use(dataDir, Effect.flatMap(SqlClient, (sql) => sql`create table rows as select 1 as number`))
      assert.deepStrictEqual(yield* use(dataDir, numbers), [1])
      assert.deepStrictEqual(readdirSync(join(dataDir, "postgres")), ["data"], "no lock and no mark is left")
    })
  )

  test(
    "takes little memory for its buffer cache, in an older folder too",
    Effect.gen(function*() {
      const shown = Effect.flatMap(SqlClient, (sql) => sql`show shared_buffers`)
      assert.deepStrictEqual(yield* use(yield* newEmbeddedDataDir, shown), [{ shared_buffers: "16MB" }])
    })
  )

  test(
    "is created again when its creation was interrupted",
    Effect.gen(function*() {
      const dataDir = yield* newEmbeddedDataDir
      writeFileSync(join(dataDir, "postgres", "unfinished"), "")
      rmSync(join(dataDir, "postgres", "data", "base"), { recursive: true })
      yield* use(dataDir, Effect.flatMap(Database, ({ ping }) => ping))
      assert.isFalse(existsSync(join(dataDir, "postgres", "unfinished")))
    })
  )

  test(
    "reports the damage and the remedy when its data is damaged",
    Effect.gen(function*() {
      const dataDir = yield* newEmbeddedDataDir
      truncateSync(join(dataDir, "postgres", "data", "global", "pg_control"), 10)
      const error = yield* Effect.flip(open(dataDir))
      assert.instanceOf(error, EmbeddedPostgresFailed)
      assert.include(error.message, join(dataDir, "postgres"))
      assert.include(error.message, "pg_control")
      assert.include(error.message, "DATABASE_URL")
    })
  )

  if (existsSync(tasks)) {
    test(
      "leaves no running thread when it cannot be opened",
      Effect.gen(function*() {
        const dataDir = yield* newEmbeddedDataDir
        truncateSync(join(dataDir, "postgres", "data", "global", "pg_control"), 10)
        const before = threads()
        for (let count = 0; count < 12; count++) yield* Effect.flip(open(dataDir))
        yield* until("threads", Effect.sync(threads), (count) => count <= before)
      })
    )
  }

  test(
    "refuses a second process by name, and is taken over after the first process is killed",
    Effect.gen(function*() {
      const dataDir = yield* newEmbeddedDataDir
      const first = yield* Script.start("commit-rows", dataDir)
      yield* first.line
      const error = yield* Effect.flip(open(dataDir))
      assert.instanceOf(error, FolderLocked)
      assert.strictEqual(error.pid, first.pid)
      const second = yield* Script.start("commit-rows", dataDir)
      assert.include(yield* second.line, `in use by process ${first.pid}`)
      yield* first.kill
      yield* use(dataDir, Effect.flatMap(Database, ({ ping }) => ping))
    })
  )

  test(
    "keeps every committed row when its process is killed while committing",
    Effect.gen(function*() {
      const dataDir = yield* newEmbeddedDataDir
      let committed = 0
      for (const more of [1, 30, 100, 300]) {
        const script = yield* Script.start("commit-rows", dataDir)
        while (committed < more) committed = Number(yield* script.line)
        yield* script.kill
        const rows = yield* use(dataDir, numbers)
        assert.isAtLeast(rows.length, committed)
        assert.deepStrictEqual(rows, Array.from(rows, (_, index) => index + 1), "none is missing in between")
        committed = rows.length
      }
    })
  )

  test(
    "does not block the event loop while a batch of 1,500 rows runs",
    Effect.gen(function*() {
      const sql = yield* SqlClient
      yield* sql`create table batch (id text primary key, data jsonb)`
      const batch = JSON.stringify(
        Array.from({ length: 1_500 }, (_, id) => ({ id, data: { text: "x".repeat(500) } }))
      )
      const insert = yield* Effect.forkChild(
        sql`insert into batch select * from jsonb_to_recordset(${batch}::text::jsonb) as row (id text, data jsonb)`
      )
      let turns = 0
      while (insert.pollUnsafe() === undefined) {
        yield* Effect.promise(() => setImmediate())
        turns++
      }
      yield* Fiber.join(insert)
      assert.isAbove(turns, 50)
    }).pipe(
      Effect.provide(Layer.unwrap(Effect.map(newEmbeddedDataDir, (dataDir) => Database.layer({ dataDir }))))
    )
  )

  test(
    "gives each connection a new session, whatever state the previous one left",
    Effect.gen(function*() {
      const dataDir = yield* newEmbeddedDataDir
      yield* use(
        dataDir,
        Effect.gen(function*() {
          const sql = yield* SqlClient
          const scope = yield* Scope.make()
          const connection = yield* sql.reserve.pipe(Scope.provide(scope))
          for (const statement of ["set work_mem = '77MB'", "begin", "create table rows (number integer)"]) {
            yield* connection.executeRaw(statement, [])
          }
          // The result does not arrive complete, so the client closes this connection and opens another.
          yield* Effect.exit(connection.executeRaw("select repeat('x', 20000000)", []))
          yield* Scope.close(scope, Exit.void)
          assert.deepStrictEqual(
            yield* sql`select current_setting('work_mem') as memory, to_regclass('rows') as found`,
            [
              { memory: "4MB", found: null }
            ]
          )
        })
      )
    })
  )

  test(
    "is restarted when it ends; until then every statement fails with the reason and the remedy",
    Effect.gen(function*() {
      const dataDir = yield* newEmbeddedDataDir
      const scope = yield* Scope.make()
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      const context = yield* open(dataDir).pipe(Scope.provide(scope), Effect.provide(Logger.layer([logger])))
      yield* Effect.provide(
        Effect.gen(function*() {
          const sql = yield* SqlClient
          const { ping } = yield* Database
          yield* sql`create table rows as select 1 as number`
          yield* sql`create table many (number integer)`
          yield* sql`checkpoint`
          const wal = join(dataDir, "postgres", "data", "pg_wal")
          renameSync(wal, `${wal}-away`)
          const exit = yield* Effect.exit(
            Effect.forever(sql`insert into many select generate_series(1, 100000)`)
          )
          assert.isTrue(isTransient(exit))
          const away = yield* Effect.flip(ping)
          assert.isTrue(isTransient(away))
          assert.match(
            messageOf(away),
            /embedded Postgres in .* ended: .*PANIC.*pg_wal.*Check that its disk is not full/
          )
          renameSync(`${wal}-away`, wal)
          yield* poll(Effect.exit(ping), Exit.isSuccess)
          assert.deepStrictEqual(yield* numbers, [1])
        }),
        context
      )
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(readdirSync(join(dataDir, "postgres")), ["data"])
      assert.match(lines.join("\n"), /ended: .*PANIC.* It is restarted in 1 s\n(.*\n)*.* is running again/)
    })
  )
})
