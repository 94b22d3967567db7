import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

/**
 * A V8 flag for a process that opens one embedded Postgres: it compiles WebAssembly once, with the fast compiler. Without
 * it V8 compiles the largest functions again at the start. That takes 0.9 s of processor time and 600 MB, too much for
 * the few rows of a test.
 */
export const baselineOnly = "--liftoff-only"

/**
 * The compiled code of the embedded Postgres. While this process holds it, V8 uses it for every embedded Postgres that a
 * test opens. Without it each one is compiled again, which takes up to 2 s of processor time.
 */
const held = globalThis as { threeqprCompiledPglite?: Promise<WebAssembly.Module> }

held.threeqprCompiledPglite ??= WebAssembly.compile(
  readFileSync(join(dirname(createRequire(import.meta.url).resolve("@electric-sql/pglite")), "pglite.wasm"))
)
await held.threeqprCompiledPglite
