import { Buffer } from "node:buffer"
import type { Cause, Variant } from "./Cause.ts"

/** Decodes bytes as UTF-8, and keeps a byte order mark; undefined when they are not valid UTF-8. */
export const textOf = (body: Uint8Array) => {
  try {
    return utf8.decode(body)
  } catch {
    return undefined
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const windows = new TextDecoder("windows-1252")

/** The bytes as they were before an intermediary mistook one character set for another. */
export const recodings = (body: Uint8Array): ReadonlyArray<Variant> => {
  const text = textOf(body)
  const before = text === undefined
    ? []
    : [
      narrow(text, latin),
      narrow(text, windowsBytes),
      Buffer.from(text, "utf16le"),
      Buffer.from(text.normalize("NFC")),
      Buffer.from(text.normalize("NFD"))
    ]
  const after = [Buffer.from(Buffer.from(body).toString("latin1")), Buffer.from(windows.decode(body))]
  return [...before, ...after].flatMap((bytes) => bytes === undefined ? [] : [{ bytes, causes: [recoded] }])
}

/** Encodes each character as one byte; undefined when a character has no such byte. */
const narrow = (text: string, byteOf: (character: string) => number | undefined) => {
  const bytes = Array.from(text, byteOf)
  return bytes.every((byte) => byte !== undefined) ? Buffer.from(bytes) : undefined
}

const latin = (character: string) => character.charCodeAt(0) <= 0xff ? character.charCodeAt(0) : undefined

const windowsCharacters = new Map(
  Array.from({ length: 256 }, (_, byte) => [windows.decode(new Uint8Array([byte])), byte] as const)
)
const windowsBytes = (character: string) => windowsCharacters.get(character)

const recoded: Cause = {
  cause: "charset_changed",
  explanation:
    "The body was signed in another character set: a program on the way read UTF-8 as Latin-1 or the "
    + "reverse, or rewrote the characters.",
  remedy: "Pass the body on as bytes, never as text; set `charset=utf-8` if a program only accepts text."
}
