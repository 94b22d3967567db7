import { Context } from "effect"
import { readFileSync, statSync } from "node:fs"
import process from "node:process"
import { messageOf } from "../Failure.ts"
import { mayRead } from "../MayRead.ts"

/** The environment file with settings; undefined reads none. The command line sets it. */
export const DotEnv = Context.Reference<string | undefined>("threeqpr-events/Config/DotEnv", {
  defaultValue: () => undefined
})

/** The values of an environment file, and its faults. Faults and warnings never show a value. */
export interface Content {
  readonly values: Readonly<Record<string, string>>
  readonly faults: ReadonlyArray<string>
  /** Whether users other than the file's owner may read it. */
  readonly readableByOthers: boolean
}

const none: Content = { values: {}, faults: [], readableByOthers: false }

/** Reads an environment file. A file that is missing, or that the runtime may not read, sets nothing. */
export const contentOf = (file: string | undefined): Content => {
  if (file === undefined || !mayRead(file)) return none
  try {
    const stats = statSync(file, { throwIfNoEntry: false })
    if (stats === undefined) return none
    const readableByOthers = process.platform !== "win32" && (stats.mode & 0o077) !== 0
    return { ...parse(file, readFileSync(file, "utf8")), readableByOthers }
  } catch (error) {
    return {
      ...none,
      faults: [`${file} cannot be read: ${messageOf(error)}. Make it readable, or remove it.`]
    }
  }
}

/**
 * Parses the syntax that shells, Docker and the dotenv libraries read alike. Variables in a value are not expanded.
 * The parser of effect ignores a line that it does not understand, and with it perhaps a secret. Here such a line is
 * a fault.
 */
export const parse = (file: string, text: string): Pick<Content, "values" | "faults"> => {
  const values: Record<string, string> = {}
  const faults: Array<string> = []
  for (let at = text.startsWith("\uFEFF") ? 1 : 0; at < text.length;) {
    const found = matchAt(nothing, text, at) ?? matchAt(assignment, text, at)
    if (found === undefined) {
      const line = text.slice(0, at).split("\n").length
      faults.push(`${file}, line ${line}: ${faultOf(text.slice(at).split(/\r?\n/, 1)[0] ?? "")}`)
      at = text.indexOf("\n", at) + 1 || text.length
      continue
    }
    const [whole, name, single, double, backquoted, bare = ""] = found
    if (name !== undefined) {
      values[name] = single ?? (double === undefined ? backquoted ?? bare : unescape(double))
    }
    at += whole.length
  }
  return { values, faults }
}

const matchAt = (pattern: RegExp, text: string, at: number) => {
  pattern.lastIndex = at
  return pattern.exec(text) ?? undefined
}

const nothing = /[ \t]*(?:#[^\n]*)?(?:\r?\n|(?<=[^\n])$)/y

const assignment =
  /[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*=[ \t]*(?:'([^']*)'|"((?:[^"\\]|\\[^])*)"|`([^`]*)`|([^\s'"`#][^\r\n]*?)?)(?:[ \t]+#[^\n]*)?[ \t]*(?:\r?\n|$)/y

const unescape = (text: string) =>
  text.replaceAll(/\\([^])/g, (_, character: string) => escapes[character] ?? character)

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" }

const faultOf = (line: string) => {
  const [, name] = /^\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=/.exec(line) ?? []
  return name === undefined
    ? "this line is not an assignment. Write NAME=value, or start the line with # for a comment."
    : `the quotation marks around ${name} are not closed at the end of the value. Close them, or remove them.`
}
