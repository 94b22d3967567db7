/**
 * Room `Database`: clients, embedded Postgres, migrations.
 *
 * Promises: A migration runs once and completely, or not at all. Both engines speak one dialect.
 *
 * May use: `Process`.
 */
import { PgClient } from "@effect/sql-pg"
import {
  Context,
  Effect,
  type FileSystem,
  Layer,
  Path,
  type PlatformError,
  type Redacted,
  type Scope
} from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import { SqlClient } from "effect/sql/SqlClient"
import { ConnectionError, isSqlError, SqlError } from "effect/sql/SqlError"
import type { FolderLocked } from "../Process/FolderLock.ts"
import * as Embedded from "./Embedded.ts"
import type { EmbeddedPostgresFailed } from "./EmbeddedThread.ts"
import * as External from "./External.ts"

export interface Options {
  /** Address of an external Postgres. Without it, an embedded Postgres stores its data under `dataDir`. */
  readonly url?: Redacted.Redacted<string> | undefined
  readonly dataDir: string
  /** Maximum number of connections to an external Postgres; 8 if undefined. The embedded Postgres has one. */
  readonly poolSize?: number | undefined
  /** Number of attempts to reach an external Postgres at start, one second apart; 11 if undefined. */
  readonly attempts?: number | undefined
}

export type StartFailure =
  | External.DatabaseUnavailable
  | EmbeddedPostgresFailed
  | FolderLocked
  | PlatformError.PlatformError

/** The Postgres that holds the read models. Its layer also provides the SQL clients. */
export class Database extends Context.Service<Database, {
  readonly kind: "embedded" | "external"
  /** Description of the database and its location in one line, for the operator. Contains no secrets. */
  readonly describe: string
  /** Fails if the database does not reply within five seconds. */
  readonly ping: Effect.Effect<void, SqlError>
}>()("threeqpr-events/Database") {
  static readonly layer = (
    options: Options
  ): Layer.Layer<Database | PgClient.PgClient | SqlClient, StartFailure, FileSystem.FileSystem | Path.Path> =>
    Layer.effectContext(open(options)).pipe(Layer.provide(Reactivity.layer))
}

const open = (
  { attempts, dataDir, poolSize, url }: Options
): Effect.Effect<
  Context.Context<Database | PgClient.PgClient | SqlClient>,
  StartFailure,
  FileSystem.FileSystem | Path.Path | Reactivity.Reactivity | Scope.Scope
> => url === undefined ? embedded(dataDir) : external(url, poolSize, attempts)

const embedded = Effect.fnUntraced(function*(dataDir: string) {
  const path = yield* Path.Path
  const folder = path.resolve(dataDir, "postgres")
  const { connect } = yield* Embedded.open(folder)
  // A pool opens its first connection when it is used, so creating a pool cannot fail.
  const client = yield* PgClient.make({ stream: connect, username: "postgres", maxConnections: 1 }).pipe(
    Effect.orDie
  )
  return services(client, { kind: "embedded", describe: `embedded Postgres 18 (PGlite) in ${folder}` })
})

const external = Effect.fnUntraced(function*(url: Redacted.Redacted<string>, poolSize = 8, attempts = 11) {
  const { client, describe } = yield* External.open(url, poolSize, attempts)
  return services(client, { kind: "external", describe })
})

const services = (made: PgClient.PgClient, about: Omit<Database["Service"], "ping">) => {
  const client = withoutDefects(made)
  return Context.make(Database, Database.of({ ...about, ping: ping(client) })).pipe(
    Context.add(PgClient.PgClient, client),
    Context.add(SqlClient, client)
  )
}

/**
 * If a session ends within a transaction, the rollback fails too. The client reports that as a defect, which would
 * end the calling worker. This function turns the defect into an ordinary database error.
 */
const withoutDefects = (client: PgClient.PgClient): PgClient.PgClient => {
  const { withTransaction } = client
  return Object.assign(client, {
    withTransaction: <R, E, A>(effect: Effect.Effect<A, E, R>) =>
      Effect.catchDefect(
        withTransaction(effect),
        (defect) => isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect)
      )
  })
}

const ping = (sql: SqlClient) =>
  sql`select 1`.pipe(
    Effect.asVoid,
    Effect.timeoutOrElse({ duration: "5 seconds", orElse: () => Effect.fail(noAnswer) })
  )

const noAnswer = new SqlError({
  reason: new ConnectionError({
    cause: new Error("no answer"),
    message: "The database did not answer within 5 seconds",
    operation: "ping"
  })
})
