import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { between, type Fault } from "./Fault.ts"

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
