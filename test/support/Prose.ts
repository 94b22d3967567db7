import { globSync } from "node:fs"
import { fileURLToPath } from "node:url"

const cwd = fileURLToPath(new URL("../..", import.meta.url))

/** The Markdown files of the project, as paths from its root. */
export const markdownFiles: ReadonlyArray<string> = globSync(["*.md", "docs/**/*.md"], { cwd }).toSorted()

/** The source files, and those that are run beside them. */
export const sources: ReadonlyArray<string> = globSync(
  ["src/**/*.{ts,js,html,yml,json}", "bin/*.js", "*.ts", "*.yml", "Dockerfile", ".env.example"],
  { cwd }
).toSorted()

/** Words of an odd dialect, each with what to write instead. */
export const oddWords: ReadonlyArray<readonly [word: RegExp, instead: string]> = [
  [/\bnobody\b/i, "no client, no process"],
  [/\bsomebody\b/i, "a person, a client"],
  [/\bgoes on\b/i, "continues"],
  [/\bof one['’]?s own\b/i, "your own"],
  [/\banew\b/i, "again"],
  [/\bfor good\b/i, "permanently"],
  [/\bis through\b/i, "has finished"],
  [/\bfor ever\b/i, "permanently, without an end"],
  [/\bis no more\b/i, "no longer exists"]
]

/** The most words of a sentence. */
export const longest = 25

export interface Sentence {
  readonly line: number
  readonly text: string
  readonly words: number
}

/** The sentences of a Markdown text, without code, headings and addresses. A cell of a table has its own sentences. */
export const sentencesOf = (markdown: string): ReadonlyArray<Sentence> =>
  blocksOf(markdown).flatMap(({ line, text }) =>
    plain(text).split(/(?<=[.!?:]["”)]?)\s+(?=\S)/).map((sentence) => ({
      line,
      text: sentence,
      words: sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length
    }))
  ).filter(({ words }) => words > 0)

/** Words as a reader counts them: a piece of code is one, and so is a link's text. */
const plain = (text: string) =>
  text
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/`[^`]*`/g, "code")
    .replaceAll(/<[^>]+>/g, " ")
    .replaceAll(/\*|__/g, "")
    .trim()

/** The sentences of a source's comments that have a line of their own. */
export const sentencesOfComments = (source: string): ReadonlyArray<Sentence> =>
  [...source.matchAll(/^[ \t]*(?:\/\*\*?[\s\S]*?\*\/|\/\/.*(?:\n[ \t]*\/\/.*)*)/gm)].flatMap(
    ({ 0: comment, index }) => {
      const before = source.slice(0, index).split("\n").length - 1
      const text = comment.replaceAll(/^[ \t]*(?:\/\*\*?|\*\/|\*|\/\/) ?/gm, "").replace(/\s*\*\/$/, "")
        .replaceAll(/^@\w+/gm, "\n$&")
        .replaceAll(/\{@link ([^}]*)\}/g, "$1")
      return sentencesOf(text).map((sentence) => ({ ...sentence, line: before + sentence.line }))
    }
  )

interface Block {
  readonly line: number
  readonly text: string
}

/** Paragraphs, items of lists and cells of tables. */
const blocksOf = (markdown: string): ReadonlyArray<Block> => {
  const blocks: Array<{ line: number; text: string }> = []
  let fenced = false
  let open = false
  for (const [index, line] of markdown.split("\n").entries()) {
    const isFence = /^\s*```/.test(line)
    if (isFence) fenced = !fenced
    if (isFence || fenced || /^\s*(#|$|<|\|[\s:|-]+\|$)/.test(line)) {
      open = false
      continue
    }
    if (/^\s*\|/.test(line)) {
      for (const text of line.split(/(?<!\\)\|/)) blocks.push({ line: index + 1, text })
      open = false
      continue
    }
    const item = /^\s*(?:[-*]|\d+\.)\s+(.*)$/.exec(line)
    const last = blocks.at(-1)
    if (open && item === null && last !== undefined) last.text += ` ${line.trim()}`
    else blocks.push({ line: index + 1, text: item?.[1] ?? line })
    open = true
  }
  return blocks
}
