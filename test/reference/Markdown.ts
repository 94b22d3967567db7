/** A Markdown table. Bars in cells are escaped. */
export const table = (
  titles: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>
): string => [titles, titles.map(() => "---"), ...rows].map(line).join("\n")

const line = (cells: ReadonlyArray<string>) =>
  `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`

export const code = (text: string) => `\`${text}\``

/** Replaces the text between the marks of a generated part. */
export const filled = (page: string, part: string, text: string): string => {
  const [begin, end] = [`<!-- generated: ${part} -->`, "<!-- end of generated part -->"]
  const [before, rest, ...more] = page.split(begin)
  const at = rest?.indexOf(end) ?? -1
  if (before === undefined || rest === undefined || at < 0 || more.length > 0) {
    throw new Error(`A page has the marks of the generated part "${part}" not exactly once.`)
  }
  return `${before}${begin}\n\n${text}\n\n${rest.slice(at)}`
}
