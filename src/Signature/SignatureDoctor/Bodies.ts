import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { type Cause, passRaw, type Variant } from "./Cause.ts"
import { recodings, textOf } from "./Charset.ts"
import { compressions } from "./Compression.ts"
import { rewritings } from "./Json.ts"
import { wrappings } from "./Wrappings.ts"

/**
 * The bodies that may have been signed: the received body first, then its variants, without repetition. `complete` is
 * false when the body was too large to create all variants.
 */
export const bodiesOf = (body: Uint8Array) => {
  const seen = new Set<string>()
  const rewritings = body.length > largestRewritten ? { variants: [], complete: false } : rewritten(body)
  const variants = [
    { bytes: body, causes: [] },
    ...(body.length > largestVaried ? [] : edges(body)),
    ...rewritings.variants,
    ...(body.length > largestVaried ? [] : compressions(body)),
    ...(body.length > largestRewritten ? [] : [...recodings(body), ...wrappings(body)])
  ].filter(({ bytes }) => {
    const hash = createHash("sha256").update(bytes).digest("base64")
    return !seen.has(hash) && seen.add(hash)
  })
  return { variants, complete: rewritings.complete }
}

/** Larger bodies are not rewritten as text, in bytes. */
const largestRewritten = 1024 * 1024

/** Larger bodies are tried unchanged only, in bytes. */
const largestVaried = 8 * 1024 * 1024

/** Maximum total size of all rewritings of one body, in bytes. */
const mostRewritten = 16 * 1024 * 1024

/**
 * Variants of white space at the ends, line ends, and a byte order mark. They are made from bytes, because a body
 * need not be text.
 */
const edges = (body: Uint8Array): ReadonlyArray<Variant> => {
  const text = Buffer.from(body).toString("latin1")
  const variant = (cause: Cause) => (text: string) => ({
    bytes: Buffer.from(text, "latin1"),
    causes: [cause]
  })
  const unixLines = text.replaceAll("\r\n", "\n")
  return [
    ...["\n", "\r\n", " "].map((end) => text + end).map(variant(spaceTrimmed)),
    ...[text.replace(/\r?\n$/, ""), trimEnd(text), trimStart(text), trimStart(trimEnd(text))].map(
      variant(spaceAdded)
    ),
    ...[unixLines, unixLines.replaceAll("\n", "\r\n")].map(variant(lineEnds)),
    text.startsWith(mark) ? variant(markAdded)(text.slice(mark.length)) : variant(markRemoved)(mark + text)
  ]
}

// `String.trim` is not used: in Latin-1, its white space includes bytes that are part of other characters. A regular
// expression is not used either: it is slow on long runs of white space inside a body.
const trimEnd = (text: string) => {
  let end = text.length
  while (end > 0 && isSpace(text.charAt(end - 1))) end--
  return text.slice(0, end)
}
const trimStart = (text: string) => {
  let start = 0
  while (start < text.length && isSpace(text.charAt(start))) start++
  return text.slice(start)
}
const isSpace = (character: string) => " \t\r\n".includes(character)
const mark = "\u00ef\u00bb\u00bf"

const rewritten = (body: Uint8Array) => {
  const variants: Array<Variant> = []
  const text = textOf(body)?.replace(/^\ufeff/, "")
  let size = 0
  for (const [how, rewriting] of text === undefined ? [] : rewritings(text)) {
    size += 2 * rewriting.length
    if (size > mostRewritten) return { variants, complete: false }
    variants.push(
      { bytes: Buffer.from(rewriting), causes: [reserialised(how)] },
      { bytes: Buffer.from(`${rewriting}\n`), causes: [reserialised(`${how}, a new line at the end`)] }
    )
  }
  return { variants, complete: true }
}

const reserialised = (how: string): Cause => ({
  cause: "reserialised",
  explanation:
    `The signed body is the same JSON written differently (${how}): a program on the way parsed the `
    + "body and serialized it again.",
  remedy: `${passRaw}, and capture them before any JSON parser. For example, smee.io rewrites every body.`
})
const spaceTrimmed: Cause = {
  cause: "space_trimmed",
  explanation: "The signed body ends with a space or a line break that is missing here.",
  remedy: `${passRaw}; if you captured the body by hand, use \`--data-binary\` or a similar option.`
}
const spaceAdded: Cause = {
  cause: "space_added",
  explanation:
    "The body has white space at its beginning or end that was not signed, such as the line break that an "
    + "editor or `echo` adds.",
  remedy: `${passRaw}; \`printf %s\` writes no line break.`
}
const lineEnds: Cause = {
  cause: "line_ends_changed",
  explanation: "The signed body has different line breaks (CRLF or LF).",
  remedy: `${passRaw}; a checkout, an editor or an email program may have changed a captured file.`
}
const markAdded: Cause = {
  cause: "bom_added",
  explanation: "The body begins with a byte order mark that was not signed.",
  remedy: `${passRaw}; save a captured file as UTF-8 without a byte order mark.`
}
const markRemoved: Cause = {
  cause: "bom_removed",
  explanation: "The signed body begins with a byte order mark that is missing here.",
  remedy: `${passRaw}; reading the body as text drops the mark.`
}
