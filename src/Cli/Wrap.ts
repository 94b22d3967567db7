import { CliOutput } from "effect/cli"
import { width } from "./Output.ts"

/**
 * Breaks a text into lines that fit beside an indent. The width is that of the terminal, at most 100 columns. It is
 * 100 columns without a terminal.
 */
export const wrap = (text: string, indent: number): ReadonlyArray<string> =>
  wrapWithin(text, Math.max(20, Math.min(width(), 100) - indent))

/** Breaks a text between words into lines of at most this many columns. A word that is too long gets its own line. */
export const wrapWithin = (text: string, columns: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(/\s+/)) {
    const longer = line === "" ? word : `${line} ${word}`
    if (line === "" || CliOutput.displayWidth(longer) <= columns) line = longer
    else {
      lines.push(line)
      line = word
    }
  }
  return [...lines, line]
}
