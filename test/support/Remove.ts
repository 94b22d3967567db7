import { Effect, Schedule } from "effect"
import { rm } from "node:fs/promises"

/**
 * Removes a folder and its contents. A killed process can still write there for a moment. Node retries by itself,
 * Deno does not.
 */
export const remove = (folder: string): Effect.Effect<void> =>
  Effect.tryPromise(() => rm(folder, { recursive: true, force: true })).pipe(
    Effect.retry({ times: 50, schedule: Schedule.spaced("100 millis") }),
    Effect.orDie
  )
