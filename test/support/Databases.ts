import { NodeServices } from "@effect/platform-node"
import { Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { execFileSync } from "node:child_process"
import { randomUUID } from "node:crypto"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { inject } from "vitest"
import { Database } from "../../src/Database/Database.ts"
import * as Migrations from "../../src/Database/Migrations.ts"
import { remove } from "./Remove.ts"
import { shared } from "./Shared.ts"

/** An empty data folder. */
export const newDataDir = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(`${tmpdir()}/threeqpr-database-`)),
  remove
)

/** A data folder with a new embedded Postgres. */
export const newEmbeddedDataDir = Effect.tap(
  newDataDir,
  (dataDir) =>
    Effect.map(
      Effect.promise(() => shared("data-folder")),
      // Runs `cp`: copying a thousand small files one by one in this process takes as long as opening the database.
      (template) => execFileSync("cp", ["-R", `${template}/.`, dataDir])
    )
)

/** A new embedded Postgres. */
const newEmbedded = Layer.unwrap(Effect.map(newEmbeddedDataDir, (dataDir) => Database.layer({ dataDir })))
  .pipe(
    Layer.provide(NodeServices.layer)
  )

/** The URL of a new database on the server that all test files share. */
export const newDatabase = Effect.gen(function*() {
  const url = yield* Effect.promise(() => shared("postgres"))
  const name = `test_${randomUUID().replaceAll("-", "")}`
  const admin = Database.layer({ url: Redacted.make(url), dataDir: "" }).pipe(
    Layer.provide(NodeServices.layer)
  )
  const run = (statement: string) =>
    Effect.flatMap(SqlClient, (sql) => sql.unsafe(statement)).pipe(Effect.provide(admin), Effect.orDie)
  yield* Effect.acquireRelease(
    run(`create database ${name}`),
    () => run(`drop database ${name} with (force)`)
  )
  return url.replace(/postgres$/, name)
})

/** Settings for a `serve`: a data folder, and a new database on the server that all test files share. */
export const newStores = Effect.all({ DATA_DIR: newDataDir, DATABASE_URL: newDatabase })

/** A new database on a real Postgres. */
const newExternal = Layer.unwrap(
  Effect.map(newDatabase, (url) => Database.layer({ url: Redacted.make(url), dataDir: "" }))
).pipe(Layer.provide(NodeServices.layer))

const engineOf = <E>(name: string, database: Layer.Layer<Layer.Success<typeof newEmbedded>, E>) => ({
  name,
  /** Without any table. */
  database,
  /** With the migrations done. */
  layer: Migrations.layer.pipe(Layer.provideMerge(database))
})

export const pglite = engineOf("PGlite", newEmbedded)
export const postgres = engineOf("Postgres 18", newExternal)

/**
 * The database engine of this run. Each build of its layer has a new database. A file that loops over it, `for
 * (const engine of engines) describe(engine.name, …)`, runs on Postgres with `npm test`. With `npm run test:long` it
 * runs on PGlite.
 */
export const engines = [inject("engine") === "pglite" ? pglite : postgres]
