import { setFlagsFromString } from "node:v8"

/**
 * A flag of V8 with which WebAssembly is compiled once, fast. Without it, each embedded Postgres compiles its largest
 * functions again at its start, which takes 0.9 s of a processor and 600 MB. The few rows of a test never earn that.
 */
export const baselineOnly = "--liftoff-only"

setFlagsFromString(baselineOnly)
