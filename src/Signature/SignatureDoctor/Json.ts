/**
 * The ways in which common programs serialize the same JSON text, each with a name, the most common first. The order
 * of keys, repeated keys and the digits of numbers are kept, which `JSON.parse` would not do. Empty when the text is
 * not JSON.
 */
export function* rewritings(text: string): Generator<readonly [how: string, text: string]> {
  const root = parse(text)
  if (root === undefined) return
  for (const [order, tree] of trees(root)) {
    for (const [escaping, escape] of Object.entries(escapings)) {
      for (const [layout, space] of Object.entries(layouts)) {
        const how = [layout, escaping, order].filter((part) => part !== "").join(", ")
        yield [how, write(tree, space, escape, "\n")]
      }
    }
  }
}

type Node =
  | { readonly open: "{"; readonly members: ReadonlyArray<readonly [key: string, value: Node]> }
  | { readonly open: "["; readonly items: ReadonlyArray<Node> }
  | string

/** Where white space goes: after a comma, after a colon, or an indent for each level. */
interface Space {
  readonly comma: string
  readonly colon: string
  readonly indent?: string
}

const layouts: Readonly<Record<string, Space>> = {
  "without white space, as JSON.stringify writes it": { comma: ",", colon: ":" },
  [`with ", " and ": ", as Python's json.dumps writes it`]: { comma: ", ", colon: ": " },
  "indented by two spaces": { comma: ",", colon: ": ", indent: "  " },
  "indented by four spaces": { comma: ",", colon: ": ", indent: "    " },
  "indented by tabs": { comma: ",", colon: ": ", indent: "\t" }
}

const unicode = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
const upperUnicode = (character: string) => `\\u${unicode(character).slice(2).toUpperCase()}`

const escapings: Readonly<Record<string, (text: string) => string>> = {
  "": (text) => text,
  "other than ASCII as \\u": (text) => text.replaceAll(/[\u007f-\uffff]/g, unicode),
  "slashes as \\/, other than ASCII as \\u": (text) =>
    text.replaceAll("/", "\\/").replaceAll(/[\u007f-\uffff]/g, unicode),
  "slashes as \\/": (text) => text.replaceAll("/", "\\/"),
  "<, > and & as \\u": (text) => text.replaceAll(/[<>&\u2028\u2029]/g, unicode),
  "as .NET escapes": (text) =>
    text.replaceAll(`\\"`, "\\u0022").replaceAll(/[<>&'+`\u007f-\uffff]/g, upperUnicode)
}

const deepest = 200

const parse = (text: string): Node | undefined => {
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  const tokens = text.match(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g) ?? []
  let at = 0
  const value = (depth: number): Node | undefined => {
    const token = tokens[at++]
    if (depth > deepest || token === undefined) return undefined
    if (token === "{") {
      const members: Array<readonly [string, Node]> = []
      while (tokens[at] !== "}") {
        const key = tokens[at]
        at += 2
        const member = value(depth + 1)
        if (member === undefined || key === undefined) return undefined
        members.push([plain(key), member])
        if (tokens[at] === ",") at++
      }
      at++
      return { open: "{", members }
    }
    if (token === "[") {
      const items: Array<Node> = []
      while (tokens[at] !== "]") {
        const item = value(depth + 1)
        if (item === undefined) return undefined
        items.push(item)
        if (tokens[at] === ",") at++
      }
      at++
      return { open: "[", items }
    }
    return plain(token)
  }
  return value(0)
}

/** Rewrites a string token with as few escapes as possible. Other tokens stay unchanged. */
const plain = (token: string) => token.startsWith(`"`) ? JSON.stringify(JSON.parse(token)) : token

const trees = (root: Node): ReadonlyArray<readonly [how: string, tree: Node]> => [
  ["", root],
  ["numbers as JavaScript writes them", map(root, asJavaScript, (members) => members)],
  ["keys sorted", map(root, (scalar) => scalar, sorted)],
  ["keys sorted, numbers as JavaScript writes them", map(root, asJavaScript, sorted)]
]

const asJavaScript = (scalar: string) => /^[-\d]/.test(scalar) ? JSON.stringify(Number(scalar)) : scalar

type Members = ReadonlyArray<readonly [key: string, value: Node]>

const sorted = (members: Members): Members =>
  members.toSorted(([one], [other]) => bare(one) < bare(other) ? -1 : bare(one) > bare(other) ? 1 : 0)

const bare = (key: string) => key.slice(1, -1)

const map = (node: Node, scalar: (text: string) => string, order: (members: Members) => Members): Node => {
  if (typeof node === "string") return scalar(node)
  return node.open === "["
    ? { open: "[", items: node.items.map((item) => map(item, scalar, order)) }
    : {
      open: "{",
      members: order(node.members.map(([key, value]) => [key, map(value, scalar, order)] as const))
    }
}

const write = (node: Node, space: Space, escape: (text: string) => string, line: string): string => {
  if (typeof node === "string") return node.startsWith(`"`) ? escape(node) : node
  const inner = space.indent === undefined ? "" : line + space.indent
  const parts = node.open === "["
    ? node.items.map((item) => write(item, space, escape, inner))
    : node.members.map(([key, value]) => escape(key) + space.colon + write(value, space, escape, inner))
  const close = node.open === "[" ? "]" : "}"
  return parts.length === 0
    ? node.open + close
    : node.open + inner + parts.join(space.comma + inner) + (inner === "" ? "" : line) + close
}
