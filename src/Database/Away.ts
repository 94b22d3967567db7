import { Effect } from "effect"
import type { Config } from "../Process/Config.ts"
import { noteOf } from "../Process/DiskSpace.ts"

/** Why the database does not reply, with the remedy. */
export const awayReason = (
  { dataDir, databaseUrl }: Pick<Config, "dataDir" | "databaseUrl">,
  reason: string
) =>
  databaseUrl === undefined
    ? Effect.map(noteOf(dataDir), (note) => note === undefined ? reason : `${reason}; ${note}`)
    : Effect.succeed(`${reason}. Check the Postgres that DATABASE_URL names, and the network to it`)
