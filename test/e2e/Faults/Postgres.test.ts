// Runs: long, node first

import { assert, layer } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Database } from "../../../src/Database/Database.ts"
import { platform } from "../../support/Broker.ts"
import { Scene } from "../../support/Faults/Scene.ts"
import type { System } from "../../support/Faults/System.ts"
import { threeqpr } from "../../support/Serve.ts"
import { until } from "../../support/Until.ts"

const run = ({ query }: System, statement: string) =>
  query(Effect.flatMap(SqlClient, (sql) => sql.unsafe<Readonly<Record<string, unknown>>>(statement)))

const endBackends = (system: System) =>
  run(
    system,
    `select pg_terminate_backend(pid) from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid()`
  )

/** Every table that changes when events are applied. */
const tablesOf = (system: System) =>
  Effect.map(
    run(
      system,
      `select tablename::text as name from pg_tables where schemaname = 'public' and tablename not like 'older_%'
        and (tablename ~ '_[0-9]+$' or tablename in ('applied_counts', 'repeated', 'places'))`
    ),
    (rows) => rows.map(({ name }) => String(name))
  )

/** The number of events that the read models have applied. */
const applied = (system: System) =>
  Effect.map(
    run(
      system,
      `select (select count(*) from scans_applied_1) + (select count(*) from conversations_applied_1)
        + (select count(*) from qpr_codes_applied_1) + (select count(*) from subscriptions_applied_1) as events`
    ),
    ([row]) => Number(row?.["events"])
  )

layer(Scene.layer({ receivers: 1, projectors: 2 }), { excludeTestServices: true })("Postgres", (it) => {
  // Row 14.
  it.effect("that crashes, ends sessions, or commits without an answer changes nothing twice", () =>
    Effect.gen(function*() {
      const { answered, ledger, system, traffic, whole } = yield* Scene
      const load = yield* traffic()
      const since = performance.now()
      yield* answered(50, 200)
      for (let cuts = 0; cuts < 10; cuts++) {
        const cut = yield* Deferred.make<void>()
        yield* system.databaseNetwork.cutBefore((said) =>
          said.includes("COMMIT\0") && Deferred.doneUnsafe(cut, Effect.void)
        )
        yield* Deferred.await(cut)
      }
      yield* system.postgres.restartImmediate
      yield* answered(100, 200)
      yield* Effect.retry(endBackends(system), { times: 20 })
      yield* answered(100, 200)
      yield* load.stop
      assert.deepStrictEqual(ledger.since(since).filter(({ status }) => status === 503), [])
      yield* whole()
    }))

  // Row 15.
  it.effect(
    "that is slow, locked, full or read-only delays rows, and neither deliveries nor dead letters",
    () =>
      Effect.gen(function*() {
        const { answered, ledger, system, traffic, whole } = yield* Scene
        const load = yield* traffic()
        const since = performance.now()
        yield* system.databaseNetwork.delay(150)
        yield* answered(300, 200)
        yield* system.databaseNetwork.delay(0)
        const lock = yield* Effect.forkChild(
          system.query(Effect.flatMap(SqlClient, (sql) =>
            sql.withTransaction(
              Effect.andThen(
                sql`lock table scans_1, conversations_1 in access exclusive mode`,
                Effect.sleep("17 seconds")
              )
            ))),
          { startImmediately: true }
        )
        yield* answered(300, 200)

        const crowd = yield* Layer.build(
          Database.layer({ url: Redacted.make(system.postgres.url), dataDir: "", poolSize: 120 }).pipe(
            Layer.provide(platform)
          )
        )
        const sql = Context.get(crowd, SqlClient)
        const crowding = yield* Effect.forkChild(
          Effect.forEach(Array.from({ length: 120 }), () => Effect.ignore(sql`select pg_sleep(3)`), {
            concurrency: "unbounded",
            discard: true
          }),
          { startImmediately: true }
        )
        yield* answered(300, 200)
        yield* Fiber.join(crowding)
        yield* Fiber.join(lock)

        yield* run(system, "alter database postgres set default_transaction_read_only = on")
        yield* Effect.retry(endBackends(system), { times: 20 })
        yield* answered(300, 200)
        yield* Effect.retry(
          run(system, "set default_transaction_read_only = off").pipe(
            Effect.andThen(run(system, "alter database postgres reset default_transaction_read_only"))
          ),
          { times: 20 }
        )
        yield* Effect.retry(endBackends(system), { times: 20 })
        yield* load.stop
        assert.deepStrictEqual(ledger.since(since).filter(({ status }) => status === 503), [])
        yield* whole()
      }),
    120_000
  )

  // Row 17: the durable consumers have finished events that the copy lacks, so only the log still has them.
  it.effect(
    "that is restored from an older copy makes the projector read the missing events from the log again",
    () =>
      Effect.gen(function*() {
        const { answered, system, traffic, whole } = yield* Scene
        const admin = yield* system.add("admin")
        yield* system.settled
        const tables = yield* tablesOf(system)
        for (const table of tables) yield* run(system, `create table older_${table} as table ${table}`)
        const load = yield* traffic()
        yield* answered(300, 200)
        yield* load.stop
        yield* system.settled
        const before = yield* applied(system)
        yield* system.query(Effect.flatMap(SqlClient, (sql) =>
          sql.withTransaction(Effect.gen(function*() {
            yield* sql.unsafe(`truncate ${tables.join(", ")}`)
            for (const table of tables) yield* sql.unsafe(`insert into ${table} select * from older_${table}`)
          }))))
        for (const table of tables) yield* run(system, `drop table older_${table}`)
        assert.isBelow(yield* applied(system), before)
        yield* until("every event applied", applied(system), (events) => events === before)
        yield* whole()
        const projections = (...args: ReadonlyArray<string>) =>
          threeqpr(["projections", ...args, "--admin-url", admin.admin])
        assert.strictEqual((yield* projections("verify", "--ledger")).code, 0)
        assert.strictEqual((yield* projections("verify")).code, 0)
      }),
    120_000
  )
})
