import { Effect } from "effect"
import { statfsSync } from "node:fs"
import { bytes } from "../Domain/Bytes.ts"

/** Minimum free space that one file of a log needs, in bytes. */
const enough = 16 * 1024 * 1024

/** Explains an engine's failure by a full disk. Undefined when there is enough space, or when the space is unknown. */
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
