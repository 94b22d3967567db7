#!/usr/bin/env node
import { existsSync } from "node:fs"
import module from "node:module"
import { join } from "node:path"
import process from "node:process"
import v8 from "node:v8"

const minimum = [22, 19]

const isOlder = (version, [major, minor]) => {
  const [itsMajor, itsMinor] = version.split(".").map(Number)
  return itsMajor < major || itsMajor === major && itsMinor < minor
}

if (process.versions.deno === undefined && isOlder(process.versions.node, minimum)) {
  process.stderr.write(
    `threeqpr: this is Node ${process.versions.node}, and threeqpr-events needs Node ${minimum.join(".")} or later, `
      + "or Deno 2.9 or later. In a checkout, `npm start` and `npx threeqpr` use the Node that `npm ci` installs.\n"
  )
  process.exit(1)
}

// At a high rate, most requests survive a collection of young objects. V8 then takes them for long-lived, and a receiver
// takes up to 80 MB more, in some runs.
v8.setFlagsFromString("--no-allocation-site-pretenuring")

// Compiling takes a quarter of the time to start, so the compiled code is kept in a folder of this user. A user without
// a home has none. Deno keeps it by itself.
const { HOME, XDG_CACHE_HOME } = process.env
const cache = XDG_CACHE_HOME || HOME && join(HOME, ".cache")
if (process.versions.deno === undefined && cache) {
  module.enableCompileCache(join(cache, "threeqpr-events", "compiled"))
}

// A checkout builds the program when a source changed. The package has no sources.
if (existsSync(new URL("../src", import.meta.url))) {
  const { buildIfStale } = await import("./fresh.js")
  buildIfStale()
}

try {
  await import("../dist/program/main.js")
} catch (error) {
  // What the runtimes report by themselves does not name the sources.
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
  process.exit(1)
}
