import { Effect } from "effect"
import { statfsSync } from "node:fs"
import { bytes } from "../Domain/Bytes.ts"

/** Less than this is not enough for one file of a log, in bytes. */
const enough = 16 * 1024 * 1024

/** What is said of an engine's failure when its disk is full; undefined when there is room, or when that is not known. */
export const noteOf = (folder: string): Effect.Effect<string | undefined> =>
  Effect.sync(() => {
    try {
      const { bavail, bsize } = statfsSync(folder)
      const free = bavail * bsize
      return free < enough
        ? `the disk of ${folder} (DATA_DIR) is full: ${bytes(free)} left. Free some space there`
        : undefined
    } catch {
      return undefined
    }
  })
