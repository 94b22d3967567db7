import { assert, layer } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Database } from "../../../src/Database.ts"
import { platform } from "../../support/Broker.ts"
import { Scene } from "../../support/Faults/Scene.ts"
import type { System } from "../../support/Faults/System.ts"
import { threeqpr } from "../../support/Serve.ts"

const run = ({ query }: System, statement: string) =>
  query(Effect.flatMap(SqlClient, (sql) => sql.unsafe(statement)))

const endBackends = (system: System) =>
  run(
    system,
    `select pg_terminate_backend(pid) from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid()`
  )

/** The tables of the live generations, with everything that belongs to them. */
const tables = ["scans_1", "scan_days_1", "scans_applied_1", "conversations_1", "conversations_applied_1"]
  .concat("qpr_codes_1", "qpr_codes_applied_1", "subscriptions_1", "subscriptions_applied_1")

layer(Scene.layer({ receivers: 1, projectors: 2 }), { excludeTestServices: true })("Postgres", (it) => {
  // Row 14.
  it.effect("that crashes, ends sessions, or commits and cannot say so, changes nothing twice", () =>
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

  // Row 17: what the durable consumers have finished is not in the copy, and only the log still has it.
  it.effect(
    "that is restored from an older copy shows what is missing; rebuilds bring back the same content",
    () =>
      Effect.gen(function*() {
        const { answered, system, traffic, whole } = yield* Scene
        const admin = yield* system.add("admin")
        yield* system.settled
        for (const table of tables) yield* run(system, `create table older_${table} as table ${table}`)
        const load = yield* traffic()
        yield* answered(300, 200)
        yield* load.stop
        yield* system.settled
        for (const table of tables) {
          yield* run(system, `truncate ${table}`)
          yield* run(system, `insert into ${table} select * from older_${table}`)
          yield* run(system, `drop table older_${table}`)
        }
        const projections = (...args: ReadonlyArray<string>) =>
          threeqpr(["projections", ...args, "--admin-url", admin.admin])
        const shown = yield* projections("list", "--json")
        const missing = shown.stdout.trim().split("\n").map((line) => {
          const { completeness, name } = JSON.parse(line)
          return [name, completeness.missing > 0]
        })
        assert.deepStrictEqual(missing, [
          ["scans", true],
          ["conversations", true],
          ["qpr_codes", true],
          ["subscriptions", true]
        ])
        for (const [name] of missing) {
          const rebuilt = yield* projections("rebuild", String(name))
          assert.strictEqual(rebuilt.code, 0, rebuilt.stderr)
        }
        yield* whole()
        assert.strictEqual((yield* projections("verify", "--ledger")).code, 0)
      }),
    120_000
  )
})
