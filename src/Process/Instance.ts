import { hostname } from "node:os"
import { performance } from "node:perf_hooks"
import process from "node:process"

/** This process among those that share a broker: host and process id. Asked for when needed: Deno wants a permission. */
export const instance = () => `${hostname()}:${process.pid}`

/** When it started; distinguishes it from an earlier one with the same host and process id. ISO 8601. */
export const startedAt = new Date(performance.timeOrigin).toISOString()
