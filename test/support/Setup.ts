import { NodeServices } from "@effect/platform-node"
import { Effect, Exit, Layer, Logger, Redacted, Scope } from "effect"
import { FetchHttpClient } from "effect/http"
import { SqlClient } from "effect/sql/SqlClient"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import process from "node:process"
import type { TestProject } from "vitest/node"
import { buildIfStale } from "../../bin/fresh.js"
import { Database } from "../../src/Database/Database.ts"
import * as Migrations from "../../src/Database/Migrations.ts"
import { findOrInstall } from "../../src/Nats/Install.ts"
import { packed } from "./Packed.ts"
import * as Postgres from "./Postgres.ts"
import type { Resource } from "./Shared.ts"

// Runs in the process that starts the workers. Builds the program, and serves the resources that test files share.

const removal = { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }

const templateFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(`${tmpdir()}/threeqpr-template-`)),
  (folder) => Effect.sync(() => rmSync(folder, removal))
)

const buildOnce = <A, E, R>(layer: Layer.Layer<A, E, R>) => Effect.scoped(Layer.build(layer))

const migrated = (options: Parameters<typeof Database.layer>[0]) =>
  buildOnce(Migrations.layer.pipe(Layer.provide(Database.layer(options)))).pipe(
    Effect.provide(NodeServices.layer),
    Effect.provide(Logger.layer([]))
  )

/** A folder with a new embedded Postgres. A copy of it opens ten times as fast as a new database is created. */
const dataFolder = templateFolder.pipe(
  Effect.tap((dataDir) => buildOnce(Database.layer({ dataDir }))),
  Effect.provide(NodeServices.layer)
)

/** The same with the migrations done. */
const migratedFolder = Effect.tap(templateFolder, (dataDir) => migrated({ dataDir }))

/** The name of a database on the shared server with the migrations done, to be copied. */
const migratedDatabase = Effect.fnUntraced(function*(url: string) {
  const name = "migrated"
  yield* Effect.flatMap(SqlClient, (sql) => sql.unsafe(`create database ${name}`)).pipe(
    Effect.provide(Database.layer({ url: Redacted.make(url), dataDir: "" })),
    Effect.provide(NodeServices.layer)
  )
  yield* migrated({ url: Redacted.make(url.replace(/postgres$/, name)), dataDir: "" })
  return name
})

/** Runs before the first test file: several concurrent downloads take as long as sequential ones. */
const findBroker = Effect.provide(
  findOrInstall({ binary: process.env["NATS_SERVER_BIN"] || undefined }),
  Layer.merge(NodeServices.layer, FetchHttpClient.layer)
)

export const setup = async (project: TestProject) => {
  buildIfStale()
  await Effect.runPromise(findBroker)
  const scope = Scope.makeUnsafe()
  const once = <A, E>(make: Effect.Effect<A, E, Scope.Scope>) =>
    Effect.runSync(Effect.cached(Scope.provide(make, scope)))
  const postgres = once(Effect.map(Postgres.start, ({ url }) => url))
  const make: Readonly<Record<Resource, Effect.Effect<string, unknown>>> = {
    postgres,
    "migrated-database": once(Effect.flatMap(postgres, migratedDatabase)),
    "data-folder": once(dataFolder),
    "migrated-folder": once(migratedFolder),
    "package": once(packed)
  }
  const server = createServer((request, response) => {
    const resource = request.url?.slice(1) ?? ""
    const answer = Object.hasOwn(make, resource)
      ? make[resource as Resource]
      : Effect.fail(`unknown: ${resource}`)
    Effect.runPromise(answer).then(
      (text) => response.end(text),
      (error) => response.writeHead(500).end(String(error))
    )
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  project.provide("shared", `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return async () => {
    server.close()
    server.closeAllConnections()
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
