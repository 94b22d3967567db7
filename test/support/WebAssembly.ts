import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

/**
 * A V8 flag for processes under test. With it, V8 compiles WebAssembly once, with its fast compiler. Without it, V8
 * compiles the largest functions a second time. That takes 0.9 s of processor time and 600 MB, too much for the few
 * rows of a test.
 */
export const baselineOnly = "--liftoff-only"

/**
 * The compiled code of the embedded Postgres. V8 shares it with every thread of this process as long as it is
 * referenced here. Otherwise each test compiles it again, which takes up to 2 s of processor time.
 */
const held = globalThis as { threeqprCompiledPglite?: Promise<WebAssembly.Module> }

held.threeqprCompiledPglite ??= WebAssembly.compile(
  readFileSync(join(dirname(createRequire(import.meta.url).resolve("@electric-sql/pglite")), "pglite.wasm"))
)
await held.threeqprCompiledPglite
