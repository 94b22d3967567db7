import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import type { Cause, Variant } from "./Cause.ts"
import { recodings, textOf } from "./Charset.ts"
import { compressions } from "./Compression.ts"
import { rewritings } from "./Json.ts"

/**
 * The bodies that perhaps were signed: the one we have, then what it may have been. None comes twice. Not
 * `complete` when the body was too large to make all of them.
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

/** Larger bodies are not read as text. */
const largestRewritten = 1024 * 1024

/** Larger bodies are taken as they are. */
const largestVaried = 8 * 1024 * 1024

/** All rewritings of one body together, in bytes. */
const mostRewritten = 16 * 1024 * 1024

/** White space at the ends, line ends, a byte order mark: on bytes, for a body need not be text. */
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

// Not String.trim: in Latin-1 its white space is half of other characters. Not a regular expression: on much
// white space inside a body it takes for ever.
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

/** The body inside or outside of a JSON text, a form or an encoding, or its digest in its place. */
const wrappings = (body: Uint8Array): ReadonlyArray<Variant> => {
  const text = textOf(body)
  const hex = Buffer.from(body).toString("hex")
  const variants: ReadonlyArray<readonly [Cause, string | Uint8Array | undefined]> = [
    [emptyBody, ""],
    [digestSigned, createHash("sha256").update(body).digest("hex")],
    [digestSigned, createHash("sha256").update(body).digest()],
    [encodedHere, text && decoded(text)],
    [encodedThere, Buffer.from(body).toString("base64")],
    [encodedThere, hex],
    [quotedHere, text && unquoted(text)],
    [quotedThere, text && JSON.stringify(text)],
    ...(text?.startsWith("payload=")
      ? [[formHere, new URLSearchParams(text).get("payload") ?? ""] as const]
      : []),
    [formThere, text && new URLSearchParams({ payload: text }).toString()]
  ]
  return variants.flatMap(([cause, bytes]) =>
    bytes === undefined ? [] : [{ bytes: Buffer.from(bytes), causes: [cause] }]
  )
}

const decoded = (text: string) => {
  const base64 = text.replaceAll(/[\r\n]/g, "").trim()
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, "base64") : undefined
}

const unquoted = (text: string) => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "string" ? value : undefined
  } catch {
    return undefined
  }
}

const passRaw = "Make everything between 3QPR and here pass the raw bytes on"

const reserialised = (how: string): Cause => ({
  cause: "reserialised",
  explanation:
    `What was signed is the same JSON written differently (${how}): something on the way parsed the `
    + "body and wrote it again.",
  remedy: `${passRaw}, and capture them before any JSON parser; smee.io, for one, rewrites every body.`
})
const spaceTrimmed: Cause = {
  cause: "space_trimmed",
  explanation: "What was signed ends with a space or a new line that is missing here.",
  remedy:
    `${passRaw}; where the body was captured by hand, capture it to a file with \`--data-binary\` or the like.`
}
const spaceAdded: Cause = {
  cause: "space_added",
  explanation:
    "There is white space at the beginning or the end that was not signed, such as the new line that an "
    + "editor or `echo` adds.",
  remedy: `${passRaw}; \`printf %s\` writes no new line.`
}
const lineEnds: Cause = {
  cause: "line_ends_changed",
  explanation: "What was signed has other line ends (CRLF or LF).",
  remedy: `${passRaw}; a checkout, an editor or a mail may have changed a captured file.`
}
const markAdded: Cause = {
  cause: "bom_added",
  explanation: "The body begins with a byte order mark that was not signed.",
  remedy: `${passRaw}; save a captured file as UTF-8 without a byte order mark.`
}
const markRemoved: Cause = {
  cause: "bom_removed",
  explanation: "What was signed begins with a byte order mark that is missing here.",
  remedy: `${passRaw}; reading the body as text drops the mark.`
}
const emptyBody: Cause = {
  cause: "empty_body_signed",
  explanation: "An empty body was signed.",
  remedy:
    "The signer read the body before or after it was there; sign the bytes that are sent. With a GET or a "
    + "redirect on the way the body gets lost: deliver to the final address."
}
const digestSigned: Cause = {
  cause: "digest_signed",
  explanation: "The SHA-256 digest of the body was signed in place of the body.",
  remedy: "Sign the raw body itself."
}
const encodedHere: Cause = {
  cause: "body_encoded_here",
  explanation: "What is here is the base64 of the body that was signed.",
  remedy: "Decode it first; gateways such as AWS API Gateway hand a body on like that (`isBase64Encoded`)."
}
const encodedThere: Cause = {
  cause: "body_encoded_there",
  explanation: "The base64 or hex text of the body was signed in place of the body.",
  remedy: "Sign the raw body itself."
}
const quotedHere: Cause = {
  cause: "double_encoded_here",
  explanation: "The body is a JSON text with the signed JSON inside: it was encoded twice.",
  remedy: `${passRaw}; leave out the second \`JSON.stringify\`.`
}
const quotedThere: Cause = {
  cause: "double_encoded_there",
  explanation: "What was signed is this body encoded as JSON once more.",
  remedy: "Sign the text that is sent; leave out the second `JSON.stringify`."
}
const formHere: Cause = {
  cause: "form_here",
  explanation: "The body is a form; what was signed is the text of its field `payload`.",
  remedy: "Deliver as application/json: the body is then the JSON itself."
}
const formThere: Cause = {
  cause: "form_there",
  explanation: "What was signed is a form with this body in its field `payload`.",
  remedy: "Sign and deliver as application/json: the body is then the JSON itself."
}
