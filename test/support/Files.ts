import { Effect, Schedule } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

/** The files below a folder that contain a text. Retries when another process removes one of them meanwhile. */
export const filesWith = (folder: string, text: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.try(() =>
    readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)).filter((file) => readFileSync(file).includes(text))
  ).pipe(Effect.retry({ times: 20, schedule: Schedule.spaced("50 millis") }), Effect.orDie)
