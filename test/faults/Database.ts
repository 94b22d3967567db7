import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted, Schedule } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import { SqlClient } from "effect/sql/SqlClient"
import type { Draw } from "../support/Faults/Bodies.ts"
import { between, type Fault, type Target } from "./Fault.ts"

/**
 * Puts an older copy in the place of the database, as a restore does. The copy keeps the identity. Sessions end before
 * each step: a database that is used can be neither copied nor renamed.
 */
const olderCopy = ({ postgres }: Target, draw: Draw) =>
  Effect.gen(function*() {
    const elsewhere = new URL(postgres.url)
    const name = elsewhere.pathname.slice(1)
    elsewhere.pathname = "/template1"
    const sql = yield* PgClient.make({ url: Redacted.make(elsewhere.href), maxConnections: 1 })
    const alone = (statement: string) =>
      sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`.pipe(
        Effect.andThen(sql.unsafe(statement)),
        // Somebody connects again in between.
        Effect.retry({ times: 200, schedule: Schedule.spaced("20 millis") })
      )
    yield* sql`drop database if exists older`
    yield* alone(`create database older template ${name}`)
    yield* between(draw, 2, 12)
    yield* sql`drop database if exists newer`
    yield* sql.unsafe(`alter database ${name} allow_connections false`)
    yield* alone(`alter database ${name} rename to newer`)
    yield* sql.unsafe(`alter database older rename to ${name}`)
  }).pipe(Effect.scoped, Effect.provide(Reactivity.layer), Effect.orDie)

/** What can go wrong with Postgres, and with the network before it. */
export const databaseFaults: ReadonlyArray<Fault> = [
  {
    name: "Postgres crashed",
    row: 14,
    kind: "database",
    happen: ({ postgres }) => postgres.restartImmediate
  },
  {
    name: "Postgres backends ended",
    row: 14,
    kind: "database",
    happen: ({ query }) =>
      query(Effect.flatMap(SqlClient, (sql) =>
        sql`
          select pg_terminate_backend(pid) from pg_stat_activity
          where backend_type = 'client backend' and pid <> pg_backend_pid()`)).pipe(Effect.ignore)
  },
  {
    name: "commit without an answer",
    row: 14,
    kind: "database",
    happen: ({ databaseNetwork }) =>
      databaseNetwork.cutBefore((said) => said.includes("COMMIT\0")).pipe(
        Effect.andThen(Effect.sleep("1 second")),
        Effect.repeat({ times: 3 }),
        Effect.ensuring(databaseNetwork.cutBefore(() => false))
      )
  },
  {
    name: "Postgres unreachable",
    row: 14,
    kind: "database",
    happen: ({ databaseNetwork }, draw) =>
      databaseNetwork.pause.pipe(
        Effect.andThen(between(draw, 1, 20)),
        Effect.ensuring(databaseNetwork.resume)
      )
  },
  {
    name: "older copy of the database",
    row: 33,
    kind: "database",
    happen: olderCopy
  },
  {
    name: "Postgres slow",
    row: 15,
    kind: "database",
    happen: ({ databaseNetwork }, draw) =>
      databaseNetwork.delay(50 + draw() * 200).pipe(
        Effect.andThen(between(draw, 2, 10)),
        Effect.ensuring(databaseNetwork.delay(0))
      )
  },
  {
    name: "read model locked",
    row: 15,
    kind: "database",
    happen: ({ query }, draw) =>
      query(Effect.flatMap(SqlClient, (sql) =>
        sql.withTransaction(Effect.gen(function*() {
          yield* sql`lock table scans, conversations in access exclusive mode`
          yield* between(draw, 2, 20)
        })))).pipe(Effect.ignore)
  }
]
