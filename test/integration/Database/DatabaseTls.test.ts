import { assert, describe } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { execFileSync } from "node:child_process"
import { chmodSync, copyFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { Database } from "../../../src/Database/Database.ts"
import { platform } from "../../support/Broker.ts"
import { certificates } from "../../support/Certificates.ts"
import { test } from "../../support/Live.ts"
import * as Postgres from "../../support/Postgres.ts"
import { poll } from "../../support/Until.ts"

const database = (url: string) =>
  Database.layer({ url: Redacted.make(url), dataDir: "", attempts: 1 }).pipe(Layer.provide(platform))

/** Whether a connection to this URL is encrypted. */
const isEncrypted = (url: string) =>
  Effect.flatMap(
    SqlClient,
    (sql) => sql<{ readonly ssl: boolean }>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`
  ).pipe(Effect.map(([row]) => row?.ssl), Effect.provide(database(url)))

const refusal = (url: string) =>
  Effect.map(Effect.flip(Effect.scoped(Layer.build(database(url)))), ({ message }) => message)

/** A Postgres with a certificate, and the authority that signed it. */
const secured = Effect.gen(function*() {
  const { url } = yield* Postgres.start
  const { ca, client, folder, server } = yield* certificates
  chmodSync(folder, 0o755)
  const key = join(folder, "postgres.key")
  copyFileSync(server.key, key)
  chmodSync(key, 0o600)
  if (process.getuid?.() === 0) execFileSync("chown", ["nobody", key])
  yield* Effect.flatMap(SqlClient, (sql) =>
    Effect.gen(function*() {
      for (
        const [name, value] of [["ssl_cert_file", server.cert], ["ssl_key_file", key], ["ssl_ca_file", ca], [
          "ssl",
          "on"
        ]]
      ) {
        yield* sql.unsafe(`alter system set ${name} = '${value}'`)
      }
      yield* sql`select pg_reload_conf()`
    })).pipe(Effect.provide(database(url)))
  yield* poll(
    Effect.orElseSucceed(isEncrypted(`${url}?sslmode=require&sslrootcert=${ca}`), () => false),
    (encrypted) => encrypted === true
  )
  return { url, ca, client }
})

describe("TLS to Postgres", () => {
  test(
    "follows sslmode, and verifies the server with the authority of sslrootcert",
    Effect.gen(function*() {
      const { ca, client, url } = yield* secured
      const other = yield* certificates
      for (const mode of ["require", "verify-ca", "verify-full"]) {
        assert.isTrue(yield* isEncrypted(`${url}?sslmode=${mode}&sslrootcert=${ca}`), mode)
        for (
          const untrusted of [`${url}?sslmode=${mode}`, `${url}?sslmode=${mode}&sslrootcert=${other.ca}`]
        ) {
          const told = yield* refusal(untrusted)
          assert.match(told, /certificate|UnknownIssuer/i)
          assert.include(told, "sslrootcert")
          assert.notInclude(told, Postgres.password)
        }
      }
      assert.isTrue(
        yield* isEncrypted(`${url}?sslrootcert=${ca}&sslcert=${client.cert}&sslkey=${client.key}`)
      )
      assert.isFalse(yield* isEncrypted(`${url}?sslmode=disable`))
      assert.isFalse(yield* isEncrypted(url))
    })
  )

  test(
    "fails where TLS is required but not offered, where a file is missing, and where a mode is unknown",
    Effect.gen(function*() {
      const { url } = yield* Postgres.start
      assert.match(yield* refusal(`${url}?sslmode=require`), /does not support TLS.*sslmode/)
      assert.match(yield* refusal(`${url}?sslrootcert=/none.pem`), /sslrootcert in DATABASE_URL.*\/none\.pem/)
      assert.match(yield* refusal(`${url}?sslmode=always`), /sslmode.*always/)
    })
  )
})
