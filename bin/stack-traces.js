import { readFileSync } from "node:fs"
import { SourceMap } from "node:module"
import { fileURLToPath } from "node:url"

/** A place in the bundled program, as it stands in a stack trace. */
const place = /(file:\/\/[^\s()]+?\/dist\/program\/[\w.-]+\.js):(\d+):(\d+)/g

const maps = new Map()

const mapOf = (file) => {
  const known = maps.get(file)
  if (known !== undefined) return known
  const map = new SourceMap(JSON.parse(readFileSync(fileURLToPath(`${file}.map`), "utf8")))
  maps.set(file, map)
  return map
}

const original = (found, file, line, column) => {
  try {
    const { columnNumber, fileName, lineNumber } = mapOf(file).findOrigin(Number(line), Number(column))
    return fileName === undefined ? found : `${new URL(fileName, file).href}:${lineNumber}:${columnNumber}`
  } catch {
    return found
  }
}

/**
 * Makes stack traces name the sources. Node's own source maps parse every map at the start, which costs
 * 20 MB and a third of the time to start; this reads a map when a trace is first looked at.
 */
export const nameSources = () => {
  Error.prepareStackTrace = (error, frames) =>
    [Error.prototype.toString.call(error), ...frames.map((frame) => `    at ${frame}`)].join("\n")
      .replaceAll(place, original)
}
