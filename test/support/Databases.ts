import { NodeServices } from "@effect/platform-node"
import { Effect, Layer, Redacted, type Scope } from "effect"
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

const newDataDirIn = (parent = tmpdir()) =>
  Effect.acquireRelease(Effect.promise(() => mkdtemp(`${parent}/threeqpr-database-`)), remove)

/** An empty data folder. */
export const newDataDir = newDataDirIn()

/** A data folder with an embedded Postgres, copied from a folder that the files of the run share. */
const copiedDataDir = (template: "data-folder" | "migrated-folder", parent?: string) =>
  Effect.tap(
    newDataDirIn(parent),
    (dataDir) =>
      Effect.map(
        Effect.promise(() => shared(template)),
        // Runs `cp`: copying a thousand small files one by one in this process takes as long as opening the database.
        (folder) => execFileSync("cp", ["-R", `${folder}/.`, dataDir])
      )
  )

/** A data folder with a new embedded Postgres. */
export const newEmbeddedDataDir = copiedDataDir("data-folder")

/** The same on a disk. Deno lets only programs with all permissions write to `/dev/shm`. */
export const newEmbeddedDataDirOnDisk = copiedDataDir("data-folder", "/tmp")

const embeddedIn = <E>(dataDir: Effect.Effect<string, E, Scope.Scope>) =>
  Layer.unwrap(Effect.map(dataDir, (dataDir) => Database.layer({ dataDir }))).pipe(
    Layer.provide(NodeServices.layer)
  )

/** Creates a database on the server that all test files share, empty or as a copy, and returns its URL. */
const databaseFrom = Effect.fnUntraced(function*(template?: string) {
  const url = yield* Effect.promise(() => shared("postgres"))
  const name = `test_${randomUUID().replaceAll("-", "")}`
  const admin = Database.layer({ url: Redacted.make(url), dataDir: "" }).pipe(
    Layer.provide(NodeServices.layer)
  )
  const run = (statement: string) =>
    Effect.flatMap(SqlClient, (sql) => sql.unsafe(statement)).pipe(Effect.provide(admin), Effect.orDie)
  yield* Effect.acquireRelease(
    // Dropping a database whose files were copied takes a quarter of the time.
    run(`create database ${name} template ${template ?? "template1"} strategy file_copy`),
    () => run(`drop database ${name} with (force)`)
  )
  return url.replace(/postgres$/, name)
})

/** The URL of a new database on the server that all test files share. */
export const newDatabase = databaseFrom()

const migratedDatabase = Effect.flatMap(Effect.promise(() => shared("migrated-database")), databaseFrom)

const externalAt = <E>(url: Effect.Effect<string, E, Scope.Scope>) =>
  Layer.unwrap(Effect.map(url, (url) => Database.layer({ url: Redacted.make(url), dataDir: "" }))).pipe(
    Layer.provide(NodeServices.layer)
  )

/** Settings for a `serve`: a data folder, and a new database on the server that all test files share. */
export const newStores = Effect.all({ DATA_DIR: newDataDir, DATABASE_URL: newDatabase })

/** A copied database has the identity of its template, and each database needs its own. */
const withOwnIdentity = Layer.effectDiscard(
  Effect.flatMap(SqlClient, (sql) => sql`update database_identity set id = gen_random_uuid()::text`)
)

const engineOf = <E>(
  name: string,
  database: Layer.Layer<SqlClient | Database, E>,
  migrated: Layer.Layer<SqlClient | Database, E>
) => ({
  name,
  /** Without any table. */
  database,
  /** With the migrations done. */
  layer: Migrations.layer.pipe(Layer.provideMerge(Layer.provideMerge(withOwnIdentity, migrated)))
})

export const pglite = engineOf(
  "PGlite",
  embeddedIn(newEmbeddedDataDir),
  embeddedIn(copiedDataDir("migrated-folder"))
)
export const postgres = engineOf("Postgres 18", externalAt(newDatabase), externalAt(migratedDatabase))

/**
 * The database engine of this run. Each build of its layer has a new database. A file that loops over it, `for
 * (const engine of engines) describe(engine.name, …)`, runs on both engines. `vitest.config.ts` describes which run
 * uses which engine.
 */
export const engines = [inject("engine") === "pglite" ? pglite : postgres]
