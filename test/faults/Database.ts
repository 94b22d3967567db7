import { PgClient } from "@effect/sql-pg"
import { Console, Effect, Redacted, Schedule } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import { SqlClient } from "effect/sql/SqlClient"
import { projections } from "../../src/Projector/Projections.ts"
import type { Draw } from "../support/Faults/Bodies.ts"
import { liveOf } from "../support/Faults/ReadModels.ts"
import { positions, readStream, unfinished } from "../support/Faults/Stored.ts"
import type { Part } from "../support/Faults/System.ts"
import { differences } from "../support/Faults/Witness.ts"
import { refusePoison } from "../support/Poison.ts"
import { deleteDurable, ofDurables } from "./Broker.ts"
import { between, type Fault, type Target } from "./Fault.ts"

/** Retries, because another fault can be active for a while. */
const surely = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, { schedule: Schedule.spaced("500 millis"), times: 120 })

/** A connection to another database of the server, so that the tested database can be copied, renamed and dropped. */
const beside = ({ postgres }: Target) => {
  const url = new URL(postgres.url)
  const name = url.pathname.slice(1)
  url.pathname = "/template1"
  return Effect.map(
    PgClient.make({ url: Redacted.make(url.href), maxConnections: 1 }),
    (sql) => ({ sql, name })
  )
}

/**
 * Replaces the database with an older copy, as a restore does. The copy keeps the identity. All sessions are ended
 * before each step: a database in use can be neither copied nor renamed.
 */
const olderCopy = (target: Target, draw: Draw) =>
  Effect.gen(function*() {
    const { name, sql } = yield* beside(target)
    const alone = (statement: string) =>
      sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`.pipe(
        Effect.andThen(sql.unsafe(statement)),
        // A process can reconnect in between.
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

/**
 * Runs a projector with a second database on the same log for a while. That database must receive every event too.
 */
const secondDatabase = (target: Target, draw: Draw) =>
  Effect.gen(function*() {
    const { name, sql } = yield* beside(target)
    yield* surely(sql`drop database if exists second with (force)`)
    yield* surely(sql`create database second`)
    const url = target.postgres.url.replace(new RegExp(`/${name}$`), "/second")
    const own = yield* PgClient.make({ url: Redacted.make(url), maxConnections: 2 })
    yield* surely(Effect.sandbox(Effect.provideService(refusePoison, SqlClient, own)))
    const projector = yield* target.add("projector", { DATABASE_URL: url })
    yield* between(draw, 2, 10)
    const stored = yield* surely(Effect.tryPromise(() => readStream(target.broker, "3QPR_EVENTS")))
    const last = stored.at(-1)?.sequence ?? 0
    yield* filled(
      Effect.provideService(lacking(target, last), SqlClient, own).pipe(
        Effect.sandbox,
        // Another fault can be active.
        Effect.catch((cause) => Effect.succeed([String(cause)]))
      )
    ).pipe(Effect.tapCause(() => tellOf(target, projector)))
    yield* projector.end(draw() < 0.5 ? "SIGTERM" : "SIGKILL")
    const durables = yield* surely(own<{ readonly durable: string }>`select durable from places`)
    const names = durables.map(({ durable }) => durable)
    yield* ofDurables(target.broker, (name) => names.includes(name), deleteDurable)
  }).pipe(Effect.scoped, Effect.provide(Reactivity.layer), Effect.orDie)

/** Waits until a database lacks nothing. Fails when its state has not changed for 90 seconds. */
const filled = Effect.fnUntraced(function*(lacking: Effect.Effect<ReadonlyArray<string>>) {
  let before = ""
  let moved = performance.now()
  while (true) {
    const lacks = yield* lacking
    if (lacks.length === 0) return
    const now = lacks.join("; ")
    if (now !== before) moved = performance.now()
    before = now
    if (performance.now() - moved > 90_000) {
      return yield* Effect.die(new Error(`the second database does not get every event: ${now}`))
    }
    yield* Effect.sleep("1 second")
  }
})

/** Prints the last log lines of a projector, and what each durable consumer has left. */
const tellOf = ({ broker }: Target, projector: Part) =>
  Effect.tryPromise(() => unfinished(broker, "3QPR_EVENTS")).pipe(
    Effect.orElseSucceed(() => ["the broker does not answer"]),
    Effect.flatMap((left) => Console.error([...left, ...projector.now()?.logs.slice(-40) ?? []].join("\n")))
  )

/** What the read models of a database lack, at least up to this sequence. */
const lacking = Effect.fnUntraced(function*({ broker }: Target, last: number) {
  const finished = yield* Effect.promise(() => positions(broker))
  const behind = yield* Effect.forEach(projections, ({ name }) =>
    Effect.map(liveOf(name), ({ durable }) => {
      const at = finished.get(durable) ?? 0
      return at < last ? [`${durable} is at ${at} of ${last}`] : []
    }))
  if (behind.flat().length > 0) return behind.flat()
  const found = yield* differences(broker, Effect.promise(() => readStream(broker, "3QPR_EVENTS")))
  return found.map(({ text }) => text)
})

/** Faults of Postgres, and of the network in front of it. */
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
    name: "second database",
    row: 33,
    kind: "projector",
    happen: secondDatabase
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
