import { PgClient } from "@effect/sql-pg"
import { Effect, Predicate, Redacted, Schedule, Schema } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { readFileSync } from "node:fs"
import { messageOf } from "../Process/Failure.ts"
import { isTlsCode } from "../Process/TlsCode.ts"
import { allRows, onlyRow } from "./Rows.ts"

/** The database of `DATABASE_URL` cannot be used. */
export class DatabaseUnavailable extends Schema.TaggedError<DatabaseUnavailable>()("DatabaseUnavailable", {
  step: Schema.Literals(["url", "connect", "log in", "version", "encoding", "session"]),
  /** Host, port and database, as far as the URL contains them. */
  target: Schema.String,
  reason: Schema.String,
  remedy: Schema.String,
  /** The error of the server, the network or the file system. */
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `${this.reason}. ${this.remedy}`
  }
}

export const oldestMajorVersion = 15

/**
 * Opens a connection pool to a Postgres, and checks that the server replies and is new enough. A server that does not
 * reply yet is tried `attempts` times, one second apart.
 */
export const open = Effect.fn("External.open")(function*(
  url: Redacted.Redacted<string>,
  poolSize: number,
  attempts: number
) {
  const target = yield* targetOf(url)
  const ssl = yield* certificatesOf(target, url)
  const unavailable = Effect.mapError((error: SqlError) => unreachable(target, demandsTls(url), error))
  const client = yield* PgClient.make({
    url,
    ...(ssl && { ssl }),
    maxConnections: poolSize,
    applicationName: "threeqpr-events",
    keepAlive: "30 seconds",
    startupParameters: session
  }).pipe(unavailable)
  const version = yield* serverVersion(client).pipe(
    Effect.tapError((error) =>
      mayComeUp(error) && attempts > 1
        ? Effect.logInfo(`Waiting for Postgres at ${target}: ${detailOf(error)}`)
        : Effect.void
    ),
    Effect.retry({ while: mayComeUp, schedule: Schedule.spaced("1 second"), times: attempts - 1 }),
    unavailable
  )
  yield* checkVersion(target, version)
  yield* checkSettings(target, yield* settingsOf(client).pipe(unavailable))
  return { client, describe: `Postgres ${version} at ${target}, up to ${poolSize} connections` }
})

/** Fails if the server's major version is too old. */
export const checkVersion = (target: string, version: string) =>
  Number.parseInt(version) >= oldestMajorVersion ? Effect.void : Effect.fail(
    new DatabaseUnavailable({
      step: "version",
      target,
      reason: `The database at ${target} runs Postgres ${version}`,
      remedy:
        `Version ${oldestMajorVersion} or later is required. Set DATABASE_URL to a newer server, or unset it `
        + "to use the embedded one."
    })
  )

const allSettings = allRows(Schema.Struct({ name: Schema.String, setting: Schema.String }))

const settingsOf = (sql: PgClient.PgClient) =>
  Effect.map(
    allSettings(sql`
      select name, setting from pg_settings
      where name in ('server_encoding', 'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')`),
    (rows) => new Map(rows.map(({ name, setting }) => [name, setting]))
  )

/** Fails for a database whose encoding cannot hold every text, and for a pooler that ignores our session settings. */
export const checkSettings = (target: string, settings: ReadonlyMap<string, string>) => {
  const encoding = settings.get("server_encoding")
  const lost = Object.entries(milliseconds).filter(([name, setting]) => settings.get(name) !== setting)
  if (encoding !== "UTF8") {
    return Effect.fail(
      new DatabaseUnavailable({
        step: "encoding",
        target,
        reason: `The database at ${target} has the encoding ${encoding}, which cannot hold every text`,
        remedy:
          "Create one with `create database … encoding 'UTF8' template template0` and set DATABASE_URL to it."
      })
    )
  }
  return lost.length === 0 ? Effect.void : Effect.fail(
    new DatabaseUnavailable({
      step: "session",
      target,
      reason: `The session at ${target} lacks the settings of this program (${
        lost.map(([name]) => name).join(", ")
      }), as behind a pooler that ignores them`,
      remedy:
        "Set DATABASE_URL to Postgres itself. A pooler in transaction mode also loses prepared statements."
    })
  )
}

/** The time-outs of `session`, as `pg_settings` shows them. */
const milliseconds = {
  statement_timeout: "60000",
  lock_timeout: "15000",
  idle_in_transaction_session_timeout: "60000"
}

/** Settings of each session. The time-outs cancel long statements and waits, so that nothing waits without an end. */
const session = {
  TimeZone: "UTC",
  statement_timeout: "60s",
  lock_timeout: "15s",
  idle_in_transaction_session_timeout: "60s"
}

const serverVersion = (sql: PgClient.PgClient) =>
  Effect.map(onlyVersion(sql`show server_version`), ({ server_version }) => server_version)

const onlyVersion = onlyRow(Schema.Struct({ server_version: Schema.String }))

const mayComeUp = (error: SqlError) =>
  Predicate.isTagged(error.reason, "ConnectionError") || codeOf(error) === startingUp
const startingUp = "57P03"

/** Never contains the URL itself or a parser's message, because both can contain the password. */
const targetOf = (secret: Redacted.Redacted<string>) => {
  const url = URL.parse(Redacted.value(secret))
  if (url === null || !["postgres:", "postgresql:"].includes(url.protocol)) {
    return Effect.fail(
      new DatabaseUnavailable({
        step: "url",
        target: "",
        reason: "DATABASE_URL is not a Postgres URL",
        remedy:
          "Write it as postgres://user:password@host:5432/database, with special characters percent-encoded."
      })
    )
  }
  const host = url.searchParams.get("host") ?? (url.hostname || "localhost")
  const port = url.searchParams.get("port") ?? (url.port || "5432")
  const database = url.searchParams.get("dbname") ?? url.pathname.slice(1)
  return Effect.succeed(`${host}:${port}/${database}`)
}

/**
 * The certificate files that the URL names, as in libpq. `sslrootcert` has the authority that replaces the system's.
 * `sslcert` and `sslkey` are our certificate and key. Any of them requires TLS, unless `sslmode` is `disable`.
 */
const certificatesOf = Effect.fnUntraced(function*(target: string, secret: Redacted.Redacted<string>) {
  const { searchParams } = new URL(Redacted.value(secret))
  if (searchParams.get("sslmode") === "disable") return undefined
  const read = (name: string) => {
    const path = searchParams.get(name)
    return path === null ? Effect.succeed(undefined) : Effect.try({
      try: () => readFileSync(path),
      catch: (error) =>
        new DatabaseUnavailable({
          step: "url",
          target,
          reason: `The file that ${name} in DATABASE_URL names cannot be read: ${messageOf(error)}`,
          remedy: "Make that file readable, or change the path.",
          cause: error
        })
    })
  }
  const files = yield* Effect.all({ ca: read("sslrootcert"), cert: read("sslcert"), key: read("sslkey") })
  const { ca, cert, key } = files
  if (ca === undefined && cert === undefined && key === undefined) return undefined
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
})

const demandsTls = (secret: Redacted.Redacted<string>) => {
  const { searchParams } = new URL(Redacted.value(secret))
  const mode = searchParams.get("sslmode")
  return mode === null
    ? ["sslrootcert", "sslcert", "sslkey"].some((name) => searchParams.has(name))
    : !["disable", "allow", "prefer"].includes(mode)
}

/** Explains why the database cannot be used, by the SQLSTATE or the code of the system error. */
export const unreachable = (target: string, demandsTls: boolean, error: SqlError) => {
  const step = Predicate.isTagged(error.reason, "AuthenticationError") ? "log in" : "connect"
  const code = codeOf(error)
  // The client gives no code when it refuses the URL's `sslmode`, or when the server offers no TLS.
  const isAboutTls = code === undefined ? demandsTls : isTlsCode(code)
  return new DatabaseUnavailable({
    step,
    target,
    reason: `Cannot ${step} to the database at ${target}: ${detailOf(error)}`,
    remedy: step === "log in"
      ? code === notAllowed ? `${loginRemedy} ${tlsRemedy}` : loginRemedy
      : isAboutTls
      ? tlsRemedy
      : addressRemedy,
    cause: error.reason.cause
  })
}

/** SQLSTATE: `pg_hba.conf` has no entry for this user, or its entry asks for TLS or for a client certificate. */
const notAllowed = "28000"

const loginRemedy =
  "Check the user and password in DATABASE_URL, and that the server's pg_hba.conf allows this user."

const tlsRemedy =
  "Check sslmode in DATABASE_URL. There, sslrootcert names the file of the server's certificate authority, "
  + "and sslcert and sslkey name those of the client certificate. A server is always verified."

const addressRemedy =
  "Check host, port and database in DATABASE_URL, and that the server is running, or unset it to use the "
  + "embedded one. Connect to Postgres directly: poolers such as PgBouncer refuse the session settings."

/** The message of the server or the network. The client's own message names only the failed step. */
const detailOf = (error: SqlError) => {
  const { cause } = error.reason
  return cause instanceof Error && cause.message || codeOf(error) || error.reason.message || "no reason given"
}

const codeOf = ({ reason: { cause } }: SqlError) =>
  Predicate.hasProperty(cause, "code") && Predicate.isString(cause.code) ? cause.code : undefined
