import { setFlagsFromString } from "node:v8"

/**
 * A V8 flag that compiles WebAssembly once, with the fast compiler. Without it each embedded Postgres recompiles its
 * largest functions at its start. That takes 0.9 s of processor time and 600 MB, too much for the few rows of a
 * test.
 */
export const baselineOnly = "--liftoff-only"

setFlagsFromString(baselineOnly)
