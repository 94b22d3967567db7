import { width } from "./Output.ts"

/**
 * Breaks a text into lines that fit beside an indent: the terminal's width, 100 columns where that is not
 * known or wider. A word that is too long keeps its line to itself.
 */
export const wrap = (text: string, indent: number): ReadonlyArray<string> => {
  const room = Math.max(20, Math.min(width(), 100) - indent)
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line)
      line = word
    } else line = line === "" ? word : `${line} ${word}`
  }
  return [...lines, line]
}
