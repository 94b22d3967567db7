import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type ESTree, parseSync, Visitor } from "rolldown/utils"
import { files } from "./Rooms.ts"

const src = fileURLToPath(new URL("../../src", import.meta.url))

/** The number of lines of a file of `src`, or of a function in it. */
export interface Size {
  /** The path from `src`, followed by the name for a function: `Nats/Nats.ts make`. */
  readonly what: string
  readonly lines: number
}

const sources = files.filter((file) => /\.(ts|js)$/.test(file))
const read = (file: string) => readFileSync(join(src, file), "utf8")

/** The sizes of all TypeScript and JavaScript files. */
export const fileSizes = (): ReadonlyArray<Size> =>
  sources.map((file) => ({ what: file, lines: linesOf(read(file).trimEnd()) }))

/** The sizes of all functions. An anonymous function has the name of what it is passed to or assigned to. */
export const functionSizes = (): ReadonlyArray<Size> =>
  sources.flatMap((file) => functionsOf(file, read(file)))

/** The sizes of the functions in one source text. */
export const functionsOf = (file: string, source: string): ReadonlyArray<Size> => {
  const found: Array<Size> = []
  const names: Array<string> = []
  const enter = (name: string | undefined) => void names.push(name ?? names.at(-1) ?? "")
  const leave = () => void names.pop()
  const measure = ({ end, id, start }: ESTree.Function | ESTree.ArrowFunctionExpression) => {
    const name = id?.name ?? names.at(-1) ?? ""
    found.push({ what: `${file} ${name}`.trimEnd(), lines: linesOf(source.slice(start, end)) })
  }
  new Visitor({
    VariableDeclarator: ({ id }) => enter(id.type === "Identifier" ? id.name : undefined),
    "VariableDeclarator:exit": leave,
    Property: ({ key }) => enter(nameOf(key)),
    "Property:exit": leave,
    PropertyDefinition: ({ key }) => enter(nameOf(key)),
    "PropertyDefinition:exit": leave,
    MethodDefinition: ({ key }) => enter(nameOf(key)),
    "MethodDefinition:exit": leave,
    FunctionDeclaration: measure,
    FunctionExpression: measure,
    ArrowFunctionExpression: measure
  }).visit(parseSync(file, source).program)
  return found
}

const nameOf = (key: ESTree.PropertyKey) =>
  key.type === "Identifier" ? key.name : key.type === "PrivateIdentifier" ? `#${key.name}` : undefined

const linesOf = (text: string) => text.split("\n").length
