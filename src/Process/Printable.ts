/**
 * Control characters except line feed and tab, and the marks that change the direction of text. A terminal interprets
 * them. Text of other systems could change its title, move its cursor or hide output.
 */
const unsafe = /[^\P{Cc}\n\t]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`

/** Escapes unsafe characters of text from other systems as `\u…`, so that a terminal can show it. */
export const printable = (text: string): string => text.replaceAll(unsafe, escaped)

/** The same on one line: line feeds and tabs are escaped too. */
export const printableLine = (text: string): string => printable(text).replaceAll(/[\n\t]/g, escaped)

/** The same, but keeps the colours that this program sets. */
export const printableWithColours = (text: string): string =>
  text.replaceAll(colourOrUnsafe, (match, colour) => colour ?? escaped(match))

const colourOrUnsafe = new RegExp(`(\\u001b\\[[\\d;]*m)|${unsafe.source}`, "gu")

/** A copy of a response in which every text is printable. */
export const printableIn = <A extends object>(answer: A): A => {
  const copy = structuredClone(answer)
  escapeWithin(copy)
  return copy
}

const escapeWithin = (value: object): void => {
  for (const [name, inner] of Object.entries(value)) {
    if (typeof inner === "string") Reflect.set(value, name, printableLine(inner))
    else if (typeof inner === "object" && inner !== null) escapeWithin(inner)
  }
}
