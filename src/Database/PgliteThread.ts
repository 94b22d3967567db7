import { extname } from "node:path"
import { Worker } from "node:worker_threads"

/** A thread that loads PGlite and waits for the folder to open; undefined when none was started ahead. */
let ahead: Worker | undefined

/**
 * Starts the thread of the embedded Postgres before its folder is known. To load PGlite takes as long as to load the rest
 * of the program, on another core.
 */
export const startAhead = (): void => {
  ahead ??= startThread()
  // A start that fails before the database is opened must not wait for it.
  ahead.unref()
}

/** The thread that was started ahead, or a new one. */
export const takeThread = (): Worker => {
  const thread = ahead ?? startThread()
  ahead = undefined
  thread.ref()
  return thread
}

const startThread = () =>
  // Beside us as a source, and beside our chunk in the bundle.
  new Worker(new URL(`PgliteWorker${extname(import.meta.url)}`, import.meta.url), {
    execArgv: [],
    // Of the default 4 MB some 6,000 nested JSON arrays are enough to crash Postgres. Deno ignores this.
    resourceLimits: { stackSizeMb: 16 }
  })
