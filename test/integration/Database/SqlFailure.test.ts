// Runs: node first

import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Layer, Redacted } from "effect"
import { BeginTransaction, SqlClient } from "effect/sql/SqlClient"
import { SqlError, UnknownError } from "effect/sql/SqlError"
import { Database } from "../../../src/Database/Database.ts"
import { isCausedByData, isTransient, needsOperator } from "../../../src/Database/SqlFailure.ts"
import { messageOf } from "../../../src/Process/Failure.ts"
import { engines, postgres } from "../../support/Databases.ts"
import * as Postgres from "../../support/Postgres.ts"

type Query = (sql: SqlClient) => Effect.Effect<unknown, unknown>

const table = (sql: SqlClient) =>
  sql`create table entities (id text primary key, number integer not null check (number >= 0), data jsonb)`

const rows = (json: string): Query => (sql) =>
  sql`insert into entities select * from jsonb_to_recordset(${json}::text::jsonb) as row (id text, number integer, data jsonb)`

const nul = JSON.stringify([{ id: "\u0000", number: 1 }])
const nulInData = JSON.stringify([{ id: "a", number: 1, data: { text: "\u0000" } }])
const loneSurrogate = JSON.stringify([{ id: "\ud800", number: 1 }])

/** Failures that an event can cause in its statement, by the SQLSTATE that every engine must report. */
const permanent: ReadonlyArray<readonly [title: string, sqlState: string | undefined, query: Query]> = [
  ["a unique violation", "23505", rows(`[{"id":"a","number":1},{"id":"a","number":1}]`)],
  ["a missing value", "23502", rows(`[{"id":"a"}]`)],
  ["a failed check", "23514", rows(`[{"id":"a","number":-1}]`)],
  ["a number that is too large", "22003", rows(`[{"id":"a","number":99999999999}]`)],
  ["a text that is no number", "22P02", rows(`[{"id":"a","number":"many"}]`)],
  ["a text that is no time", "22007", (sql) => sql`select ${"some day"}::text::timestamptz`],
  ["NUL in a text", "22021", (sql) => sql`insert into entities values (${"\u0000"}, 1)`],
  ["NUL in the rows of a batch", "22P05", rows(nul)],
  ["NUL deep in the data of a batch", "22P05", rows(nulInData)],
  ["a lone surrogate in the rows of a batch", "22P02", rows(loneSurrogate)],
  ["broken JSON", "22P02", rows("[")],
  ["a syntax error", "42601", (sql) => sql`selec`],
  ["a table that is not there", "42P01", (sql) => sql`select * from nowhere`],
  ["a parameter that has no type", undefined, (sql) => sql.unsafe("select $1", [{}])],
  [
    "a commit after a failure that was caught",
    undefined,
    (sql) => sql.withTransaction(Effect.exit(sql`selec`))
  ]
]

const sqlStateOf = (exit: Exit.Exit<unknown, unknown>) => {
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  const { reason } = error as { readonly reason?: { readonly cause?: { readonly code?: string } } }
  return reason?.cause?.code
}

for (const engine of engines) {
  describe(`failures on ${engine.name}`, () => {
    it.live("are permanent when the statement or its data causes them", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* table(sql)
        const missing = yield* Effect.flip(sql`select * from nowhere`)
        assert.strictEqual(messageOf(missing), `relation "nowhere" does not exist (SQLSTATE 42P01)`)
        const row = yield* Effect.flip(sql`insert into entities values ('personal data', -1)`)
        assert.match(
          messageOf(row),
          /^new row for relation "entities" violates check constraint .* \(SQLSTATE 23514\)$/
        )
        for (const [title, sqlState, query] of permanent) {
          const exit = yield* Effect.exit(query(sql))
          assert.isTrue(Exit.isFailure(exit), title)
          assert.strictEqual(sqlStateOf(exit), sqlState, title)
          assert.isFalse(isTransient(exit), title)
          const cause = Exit.isFailure(exit) ? exit.cause : undefined
          assert.strictEqual(needsOperator(cause), sqlState?.startsWith("42") ?? false, title)
          if (cause !== undefined) {
            assert.strictEqual(
              isCausedByData(cause),
              /^2[23]/.test(sqlState ?? ""),
              `${title}, blamed on the event`
            )
          }
          if (sqlState === undefined) continue
          const inTransaction = yield* Effect.exit(sql.withTransaction(query(sql)))
          assert.isFalse(isTransient(inTransaction), `${title}, in a transaction`)
        }
      }).pipe(Effect.provide(engine.database)))

    it.live("are transient in a read-only transaction, as on a standby", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* table(sql)
        const exit = yield* Effect.exit(
          sql.withTransaction(sql`insert into entities values ('a', 1)`).pipe(
            Effect.provideService(BeginTransaction, "begin read only")
          )
        )
        assert.strictEqual(sqlStateOf(exit), "25006")
        assert.isTrue(isTransient(exit))
      }).pipe(Effect.provide(engine.database)))
  })
}

const test = (
  title: string,
  sqlState: string | undefined,
  body: (sql: SqlClient) => Effect.Effect<Exit.Exit<unknown, unknown>, unknown>
) =>
  it.live(title, () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      yield* table(sql)
      yield* sql`insert into entities values ('a', 1), ('b', 1)`
      const exit = yield* body(sql)
      assert.isTrue(Exit.isFailure(exit))
      assert.strictEqual(sqlStateOf(exit), sqlState)
      assert.isTrue(isTransient(exit))
      assert.lengthOf(yield* sql`select * from entities`, 2, "the pool has recovered")
    }).pipe(Effect.provide(postgres.database)))

describe("failures on a Postgres with several connections are transient", () => {
  test(
    "when the backend is killed",
    undefined,
    (sql) => Effect.exit(sql`select pg_terminate_backend(pg_backend_pid())`)
  )

  test(
    "when the backend is killed in a transaction",
    undefined,
    (sql) => Effect.exit(sql.withTransaction(sql`select pg_terminate_backend(pg_backend_pid())`))
  )

  test(
    "when a statement takes too long",
    "57014",
    (sql) =>
      Effect.exit(
        sql.withTransaction(Effect.andThen(sql`set local statement_timeout = 20`, sql`select pg_sleep(10)`))
      )
  )

  test("when a lock takes too long", "55P03", (sql) =>
    withRowLocked(
      sql,
      "a",
      Effect.exit(
        sql.withTransaction(Effect.andThen(sql`set local lock_timeout = 20`, update(sql, "a")))
      )
    ))

  test("when two transactions deadlock", "40P01", (sql) =>
    Effect.gen(function*() {
      const locked = [yield* Deferred.make<void>(), yield* Deferred.make<void>()] as const
      const transaction = (own: 0 | 1, ids: readonly [string, string]) =>
        Effect.exit(sql.withTransaction(Effect.gen(function*() {
          yield* sql`set local deadlock_timeout = 20`
          yield* update(sql, ids[0])
          yield* Deferred.succeed(locked[own], undefined)
          yield* Deferred.await(locked[own === 0 ? 1 : 0])
          yield* update(sql, ids[1])
        })))
      const exits = yield* Effect.all([transaction(0, ["a", "b"]), transaction(1, ["b", "a"])], {
        concurrency: 2
      })
      return exits.find(Exit.isFailure) ?? Exit.void
    }))

  test("when serializable transactions collide", "40001", (sql) =>
    Effect.gen(function*() {
      const read = yield* Deferred.make<void>()
      const changed = yield* Deferred.make<void>()
      const slow = sql.withTransaction(Effect.gen(function*() {
        yield* sql`select sum(number) from entities`
        yield* Deferred.succeed(read, undefined)
        yield* Deferred.await(changed)
        yield* update(sql, "a")
      })).pipe(Effect.provideService(BeginTransaction, "begin isolation level repeatable read"))
      const fast = Deferred.await(read).pipe(
        Effect.andThen(update(sql, "a")),
        Effect.andThen(Deferred.succeed(changed, undefined))
      )
      const [exit] = yield* Effect.all([Effect.exit(slow), fast], { concurrency: 2 })
      return exit
    }))

  it.live("when the server is stopped, and end when it is back", () =>
    Effect.gen(function*() {
      const server = yield* Postgres.start
      const services = yield* Layer.build(Database.layer({ url: Redacted.make(server.url), dataDir: "" }))
      yield* Effect.provide(
        Effect.gen(function*() {
          const sql = yield* SqlClient
          const { ping } = yield* Database
          yield* table(sql)
          yield* server.stop
          assert.isTrue(isTransient(yield* Effect.exit(rows(`[{"id":"a","number":1}]`)(sql))))
          assert.isTrue(
            isTransient(yield* Effect.exit(sql.withTransaction(rows(`[{"id":"a","number":1}]`)(sql))))
          )
          assert.isTrue(Exit.isFailure(yield* Effect.exit(ping)))
          yield* server.start
          yield* rows(`[{"id":"a","number":1}]`)(sql)
          yield* server.restartImmediate
          yield* Effect.retry(ping, { while: isTransient, times: 10 })
          assert.lengthOf(yield* sql`select * from entities`, 1)
        }),
        services
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})

describe("isTransient", () => {
  it("is true for network errors, however they are wrapped", () => {
    const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" })
    assert.isTrue(isTransient(reset))
    assert.isTrue(isTransient(Cause.die(new Error("outer", { cause: reset }))))
    assert.isTrue(isTransient(Exit.fail(new Cause.TimeoutError())))
  })

  it("is true for an interruption, which says nothing about the event", () => {
    assert.isTrue(isTransient(Exit.interrupt()))
  })

  it("attributes errors of its data and of this program to an event, and no other database error", () => {
    const failed = (code: string) =>
      Cause.fail(
        new SqlError({
          reason: new UnknownError({ cause: Object.assign(new Error("no"), { code }), message: "no" })
        })
      )
    for (const code of ["22003", "23505", "54000"]) assert.isTrue(isCausedByData(failed(code)), code)
    for (const code of ["26000", "0A000", "42P01", "XX000", "P0001", "40P01", "34000"]) {
      assert.isFalse(isCausedByData(failed(code)), code)
    }
    assert.isTrue(isCausedByData(Cause.die(new TypeError("undefined is not a function"))))
    assert.isFalse(isCausedByData(Cause.combine(failed("22003"), failed("57P01"))))
  })

  it("is false for defects in this program and for success", () => {
    assert.isFalse(isTransient(Exit.die(new TypeError("undefined is not a function"))))
    assert.isFalse(isTransient(Exit.fail("no")))
    assert.isFalse(isTransient(Exit.void))
  })
})

const update = (sql: SqlClient, id: string) => sql`update entities set number = number + 1 where id = ${id}`

const withRowLocked = <A>(sql: SqlClient, id: string, effect: Effect.Effect<A>) =>
  Effect.gen(function*() {
    const locked = yield* Deferred.make<void>()
    const done = yield* Deferred.make<void>()
    const holder = yield* Effect.forkChild(sql.withTransaction(Effect.gen(function*() {
      yield* update(sql, id)
      yield* Deferred.succeed(locked, undefined)
      yield* Deferred.await(done)
    })))
    yield* Deferred.await(locked)
    const result = yield* effect
    yield* Deferred.succeed(done, undefined)
    yield* Fiber.join(holder)
    return result
  })
