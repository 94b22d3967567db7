import { Effect } from "effect"
import { statfsSync } from "node:fs"
import { bytes } from "../Domain/Bytes.ts"

/** Less than this is not enough for one file of a log, in bytes. */
const enough = 16 * 1024 * 1024

/** Explains an engine's failure by its full disk. Undefined when there is room, or when the space is unknown. */
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
