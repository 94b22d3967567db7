import { Effect, FileSystem, Layer, Path, type Redacted } from "effect"
import { Database } from "../../Database/Database.ts"
import { pending as pendingMigrations } from "../../Database/PendingMigrations.ts"
import { failed, failedWith, ok, skipped } from "./Finding.ts"
import { faultsAt } from "./PrivateListener.ts"
import type { Subject } from "./Subject.ts"

/**
 * Checks that the database responds, is recent enough and has its tables. The embedded database is checked through
 * `serve`.
 */
export const readModels = Effect.fnUntraced(function*({ adminUrl, config }: Subject) {
  return config.databaseUrl === undefined
    ? yield* embedded(adminUrl, config.dataDir)
    : yield* external(config.databaseUrl)
})

const external = (url: Redacted.Redacted<string>) =>
  Effect.gen(function*() {
    const { describe } = yield* Database
    const pending = yield* pendingMigrations
    return pending.length === 0
      ? ok(`${describe.replace(/, up to .*$/, "")}, its tables are up to date`)
      : failed(
        `${describe.replace(/, up to .*$/, "")}; migrations not run: ${pending.join(", ")}`,
        "Start `threeqpr serve` with the role projector or admin, which runs them."
      )
  }).pipe(
    Effect.provide(Layer.fresh(Database.layer({ url, dataDir: "", poolSize: 1, attempts: 1 }))),
    Effect.catch((error) => Effect.succeed(failedWith(error)))
  )

const embedded = Effect.fnUntraced(function*(adminUrl: string, dataDir: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = path.resolve(dataDir, "postgres")
  if (!(yield* fs.exists(folder))) {
    return skipped(
      `embedded, and not yet created: there is no ${folder}`,
      "`threeqpr serve` with the role projector or admin creates it. Or set DATABASE_URL."
    )
  }
  const faults = yield* faultsAt(adminUrl)
  if (faults === undefined) {
    return skipped(
      `embedded in ${folder}; only \`threeqpr serve\` can open it, and no process answers at ${adminUrl}`
    )
  }
  const fault = faults.find(({ part }) => part === "database")
  return fault === undefined
    ? ok(`embedded in ${folder}; the process at ${adminUrl} reports no fault`)
    : failed(
      `embedded in ${folder}: ${fault.reason}`,
      "Read the log of `threeqpr serve`. A restart opens the database again."
    )
})
