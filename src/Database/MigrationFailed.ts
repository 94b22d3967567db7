import { Predicate, Schema } from "effect"

/** The tables could not be migrated. The database is unchanged. */
export class MigrationFailed extends Schema.TaggedError<MigrationFailed>()("MigrationFailed", {
  reason: Schema.String,
  remedy: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `Cannot migrate the database: ${this.reason}. ${this.remedy}`
  }
}

/** Explains a failed migration by its SQLSTATE. */
export const explain = (cause: unknown) => {
  const root = rootOf(cause)
  const code = Predicate.hasProperty(root, "code") ? String(root.code) : ""
  const reason = Predicate.hasProperty(root, "message") ? String(root.message) : String(root)
  return new MigrationFailed({
    reason,
    remedy: remedies[code] ?? remedies[code.slice(0, 2)]
      ?? "Nothing was changed. Look at the log of the database, and start again.",
    cause
  })
}

const noRoom = "The disk of the database is full. Free some space, and start again. Nothing was changed."

/** Remedies by SQLSTATE, or by its class. */
const remedies: Readonly<Record<string, string>> = {
  "42501": "Allow the user of DATABASE_URL to create tables (grant create on schema public to that user).",
  "25006": "The server of DATABASE_URL is read-only. Set DATABASE_URL to the primary server.",
  "53100": noRoom,
  ENOSPC: noRoom,
  "53":
    "The database has no memory or connection left. Raise its limits, and start again. Nothing was changed."
}

const rootOf = (error: unknown): unknown =>
  Predicate.hasProperty(error, "cause") && error.cause !== undefined ? rootOf(error.cause) : error
