import { readFileSync } from "node:fs"
import { SourceMap } from "node:module"
import process from "node:process"
import { fileURLToPath } from "node:url"

/** A position in the bundled program, as a stack trace shows it. */
const place = /(file:\/\/[^\s()]+?\/dist\/program\/[\w.-]+\.js):(\d+):(\d+)/g

const maps = new Map<string, SourceMap>()

const mapOf = (file: string) => {
  const map = maps.get(file) ?? new SourceMap(JSON.parse(readFileSync(fileURLToPath(`${file}.map`), "utf8")))
  maps.set(file, map)
  return map
}

const original = (found: string, file: string, line: string, column: string) => {
  try {
    const origin = mapOf(file).findOrigin(Number(line), Number(column))
    return "fileName" in origin
      ? `${new URL(origin.fileName, file).href}:${origin.lineNumber}:${origin.columnNumber}`
      : found
  } catch {
    return found
  }
}

/**
 * Makes the stack traces of the bundled program refer to its sources on Node. A source map is read when a trace is
 * first formatted. Node's own support parses every map at the start, which costs 20 MB and a third of the start time.
 * Deno maps traces by itself.
 *
 * The NATS client creates a trace named "close trace" whenever a connection closes, and nothing shows it. Mapping it
 * would take a tenth of a second, so it is left unmapped.
 */
export const nameSources = (): void => {
  if (process.versions["deno"] !== undefined) return
  Error.prepareStackTrace = (error, frames) => {
    const trace = [Error.prototype.toString.call(error), ...frames.map((frame) => `    at ${frame}`)].join(
      "\n"
    )
    return error.message === "close trace" ? trace : trace.replaceAll(place, original)
  }
}
