import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch, Layer, Logger, Queue, Redacted, type Scope } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { TestClock } from "effect/testing"
import { createServer } from "node:net"
import { setImmediate } from "node:timers/promises"
import { Database } from "../../../src/Database/Database.ts"
import { checkSettings, checkVersion, DatabaseUnavailable } from "../../../src/Database/External.ts"
import * as Migrations from "../../../src/Database/Migrations.ts"
import { isTransient } from "../../../src/Database/SqlFailure.ts"
import { engines, newDatabase, postgres } from "../../support/Databases.ts"
import * as Postgres from "../../support/Postgres.ts"

const services = Layer.merge(NodeServices.layer, Logger.layer([]))

for (const engine of engines) {
  describe(`a database on ${engine.name}`, () => {
    it.live("answers, and describes itself in one line without a secret", () =>
      Effect.gen(function*() {
        const { describe, kind, ping } = yield* Database
        yield* ping
        assert.strictEqual(kind, engine.name === "PGlite" ? "embedded" : "external")
        assert.match(describe, /^[^\n]*Postgres 18[^\n]*$/)
        assert.notInclude(describe, Postgres.password)
        assert.notInclude(describe, encodeURIComponent(Postgres.password))
      }).pipe(Effect.provide(engine.database)))

    it.live("uses UTC, whatever the time zone of the machine", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        const [row] = yield* sql`select current_setting('TimeZone') as zone,
          date_trunc('day', '2026-03-20T23:30:00-05:00'::timestamptz)::text as day`
        assert.deepStrictEqual(row, { zone: "UTC", day: "2026-03-21 00:00:00+00" })
      }).pipe(Effect.provide(engine.database)))

    it.live("rolls back a transaction that fails and commits one that succeeds", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* sql`create table rows (number integer)`
        yield* sql.withTransaction(sql`insert into rows values (1)`)
        yield* Effect.exit(
          sql.withTransaction(Effect.andThen(sql`insert into rows values (2)`, Effect.fail("no")))
        )
        assert.deepStrictEqual(yield* sql`select number from rows`, [{ number: 1 }])
      }).pipe(Effect.provide(engine.database)))

    it.live("is migrated once, however often migrations run", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* Migrations.run
        yield* sql`insert into projections (name, generation, version) values ('scans', 1, 1)`
        yield* Migrations.run
        assert.lengthOf(yield* sql`select * from projections`, 1)
        assert.deepStrictEqual(yield* applied, all)
      }).pipe(Effect.provide([engine.layer, Logger.layer([])])))
  })
}

const all = ["projections", "rebuilds", "reconciliations", "origin", "repeated_ids", "completed"]
  .concat("applied_counts", "forgotten", "places", "repeated_bodies", "row_retentions", "reconciled_codes")
  .concat("erased_ids", "reader", "published_ids", "definitions", "changes", "event_types")

const applied = Effect.gen(function*() {
  const sql = yield* SqlClient
  const rows = yield* sql<
    { readonly name: string }
  >`select name from effect_sql_migrations order by migration_id`
  return rows.map(({ name }) => name)
})

describe("migrations on Postgres", () => {
  it.live("run once when four processes start at once, ten times in a row", () =>
    Effect.gen(function*() {
      for (let round = 0; round < 10; round++) {
        const url = Redacted.make(yield* newDatabase)
        const starter = Migrations.layer.pipe(
          Layer.provideMerge(Layer.fresh(Database.layer({ url, dataDir: "" })))
        )
        const names = yield* Effect.all(Array.from({ length: 4 }, () => Effect.provide(applied, starter)), {
          concurrency: 4
        })
        assert.deepStrictEqual(names, Array.from({ length: 4 }, () => all))
      }
    }).pipe(Effect.provide(services)))

  it.live("report the missing privilege when the user may not create tables", () =>
    Effect.gen(function*() {
      const url = yield* newDatabase
      yield* Effect.provide(
        Effect.flatMap(SqlClient, (sql) => sql`create role reader login password 'reader'`),
        Database.layer({ url: Redacted.make(url), dataDir: "" })
      )
      const reader = Database.layer({ url: Redacted.make(as(url, "reader", "reader")), dataDir: "" })
      const error = yield* Effect.flip(Effect.provide(Migrations.run, reader))
      assert.include(error.message, "permission denied for schema public")
      assert.include(error.message, "grant create on schema public")
    }).pipe(Effect.provide(services)))
})

const as = (url: string, user: string, password: string) => {
  const changed = new URL(url)
  changed.username = user
  changed.password = password
  return changed.href
}

const failureOf = Effect.fnUntraced(function*(url: string) {
  const error = yield* Effect.flip(Layer.build(Database.layer({ url: Redacted.make(url), dataDir: "" })))
  assert.instanceOf(error, DatabaseUnavailable)
  assert.notInclude(JSON.stringify(error), Postgres.password)
  assert.notInclude(error.message, encodeURIComponent(Postgres.password))
  return error
})

describe("a database that cannot be used fails the start", () => {
  it.effect("when nothing listens there, after ten seconds in which it logs that it waits", () =>
    Effect.gen(function*() {
      const port = yield* unusedPort
      const lines = yield* Queue.unbounded<string>()
      const logger = Logger.layer([Logger.make(({ message }) => Queue.offerUnsafe(lines, String(message)))])
      const failing = yield* failureOf(
        `postgres://someone:${encodeURIComponent(Postgres.password)}@127.0.0.1:${port}/events`
      ).pipe(Effect.provide(logger), Effect.forkChild)
      for (let second = 0; second < 10; second++) {
        assert.include(yield* Queue.take(lines), `Waiting for Postgres at 127.0.0.1:${port}/events`)
        yield* Effect.promise(() => setImmediate())
        yield* TestClock.adjust("1 second")
      }
      const error = yield* Fiber.join(failing)
      assert.strictEqual(error.step, "connect")
      assert.strictEqual(error.target, `127.0.0.1:${port}/events`)
      assert.include(error.message, "ECONNREFUSED")
      assert.include(error.message, "DATABASE_URL")
    }).pipe(Effect.provide(NodeServices.layer)))

  const test = (
    title: string,
    body: Effect.Effect<void, unknown, Scope.Scope | Layer.Success<typeof services>>
  ) => it.effect(title, () => body.pipe(Effect.provide(services)))

  test(
    "when the password is wrong, at once",
    Effect.gen(function*() {
      const error = yield* failureOf(as(yield* newDatabase, "postgres", `not ${Postgres.password}`))
      assert.strictEqual(error.step, "log in")
      assert.include(error.message, "password authentication failed for user")
    })
  )

  test(
    "when the database does not exist",
    Effect.gen(function*() {
      const error = yield* failureOf((yield* newDatabase).replace(/[^/]*$/, "missing"))
      assert.strictEqual(error.step, "connect")
      assert.include(error.message, "database \"missing\" does not exist")
    })
  )

  for (
    const url of [
      `user:${Postgres.password}@host/db`,
      `mysql://user:${Postgres.password}@host/db`,
      `postgres://user:${Postgres.password}@:x`
    ]
  ) {
    test(
      `when the URL is not a Postgres URL: ${url}`,
      Effect.gen(function*() {
        const error = yield* failureOf(url)
        assert.strictEqual(error.step, "url")
        assert.include(error.message, "postgres://user:password@host:5432/database")
      })
    )
  }

  test(
    "when its encoding cannot hold every text",
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        checkSettings("db:5432/events", new Map([["server_encoding", "LATIN1"]]))
      )
      assert.strictEqual(error.step, "encoding")
      assert.include(error.message, "LATIN1")
    })
  )

  test(
    "when a pooler ignores the session's settings",
    Effect.gen(function*() {
      const settings = [["server_encoding", "UTF8"], ["lock_timeout", "15000"], [
        "statement_timeout",
        "0"
      ]] as const
      const error = yield* Effect.flip(checkSettings("db:6432/events", new Map(settings)))
      assert.strictEqual(error.step, "session")
      assert.include(error.message, "(statement_timeout, idle_in_transaction_session_timeout)")
    })
  )

  test(
    "when its version is older than 15",
    Effect.gen(function*() {
      const error = yield* Effect.flip(checkVersion("db:5432/events", "14.19 (Debian 14.19-1)"))
      assert.strictEqual(error.step, "version")
      assert.include(error.message, "14.19")
      assert.include(error.message, "Version 15 or later")
      for (const version of ["15.0", "18.4", "19beta1"]) yield* checkVersion("", version)
    })
  )
})

describe("a pool to Postgres", () => {
  it.live("fails a transaction whose session ends, and works again after it", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      const failed = yield* sql.withTransaction(Effect.gen(function*() {
        const [session] = yield* sql<{ readonly pid: number }>`select pg_backend_pid() as pid`
        const other = yield* Layer.build(Layer.fresh(postgres.database))
        yield* Effect.provide(
          Effect.flatMap(SqlClient, (sql) => sql`select pg_terminate_backend(${session?.pid ?? 0}::int)`),
          other
        )
        yield* sql`select 1`
      })).pipe(Effect.scoped, Effect.flip)
      assert.isTrue(isTransient(failed), String(failed))
      assert.lengthOf(yield* sql.withTransaction(sql`select 1`), 1)
    }).pipe(Effect.provide(postgres.database)))

  it.live("waits at the start for a server that comes up late", () =>
    Effect.gen(function*() {
      const server = yield* Postgres.start
      yield* server.stop
      const opening = yield* Effect.forkChild(
        Layer.build(Database.layer({ url: Redacted.make(server.url), dataDir: "" }))
      )
      yield* server.start
      yield* Fiber.join(opening)
    }).pipe(Effect.provide(services)))

  it.live("runs as many transactions at once as it has connections", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      const all = yield* Latch.make()
      let begun = 0
      // Each transaction waits for all others, so one without a connection would block them all.
      const transaction = Effect.gen(function*() {
        const [row] = yield* sql<{ readonly pid: number }>`select pg_backend_pid() as pid`
        if (++begun === 8) yield* all.open
        yield* all.await
        return row?.pid
      })
      const pids = yield* Effect.all(Array.from({ length: 8 }, () => sql.withTransaction(transaction)), {
        concurrency: 8
      })
      assert.strictEqual(new Set(pids).size, 8)
    }).pipe(Effect.provide(postgres.database)))
})

const unusedPort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address ? address.port : 0)))
  })
})
