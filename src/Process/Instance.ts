import { hostname } from "node:os"
import { performance } from "node:perf_hooks"
import process from "node:process"

/**
 * Identifies this process among those that share a broker: host and process id. It is computed on demand, because
 * Deno needs a permission for it.
 */
export const instance = () => `${hostname()}:${process.pid}`

/**
 * When the process started (ISO 8601). It distinguishes the process from an earlier one with the same host and
 * process id.
 */
export const startedAt = new Date(performance.timeOrigin).toISOString()
