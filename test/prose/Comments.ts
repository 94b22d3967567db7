/** Whether comments in a file have the syntax of JavaScript and CSS. In other files they begin with `#`. */
const isBlockFile = (file: string) => /\.([cm]?[jt]s|css)$/.test(file)

/**
 * The comments of a source file as Markdown, on their original lines. All other lines are empty, so that a finding has
 * the line number of the source.
 */
export const commentsOf = (file: string, source: string): string => {
  const lines = source.split("\n")
  const comments = Array.from(lines, () => "")
  const found = isBlockFile(file)
    ? source.matchAll(/^[ \t]*(?:\/\*[\s\S]*?\*\/|\/\/.*)/gm)
    : source.matchAll(/^[ \t]*#.*/gm)
  for (const { 0: comment, index } of found) {
    const first = source.slice(0, index).split("\n").length - 1
    for (const [offset, line] of comment.split("\n").entries()) comments[first + offset] = textOf(line)
  }
  return comments.join("\n")
}

/** A line of a comment without its marks and without tags such as `@typedef`, which are not prose. */
const textOf = (line: string) =>
  line.replace(/^[ \t]*(?:\/\*\*?|\*\/|\*|\/\/+|#+) ?/, "").replace(/\s*\*\/$/, "")
    .replaceAll(/\{@link ([^}]*)\}/g, "$1")
    .replace(/@\w+.*$/, "")
