// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parse } from "yaml"
import { commentsOf } from "../prose/Comments.ts"
import { lint, longest, wordList } from "../prose/Linter.ts"
import { checkout } from "../protections/Workspace.ts"
import { sources } from "../support/Prose.ts"

interface Word {
  readonly pattern: string
  readonly expected: string
}

const { rules }: { readonly rules: ReadonlyArray<Word> } = parse(readFileSync(wordList, "utf8"))

/** The linter's words as patterns. */
const oddWords = rules.map(({ expected, pattern }) => {
  const [, source = "", flags] = /^\/(.*)\/(\w*)$/.exec(pattern) ?? []
  return [new RegExp(source, flags), expected] as const
})

const oddIn = (file: string) =>
  readFileSync(join(checkout, file), "utf8").split("\n").flatMap((line, index) =>
    oddWords.filter(([word]) => word.test(line)).map(([word, instead]) =>
      `${file}:${index + 1} has ${word}; write: ${instead}`
    )
  )

describe("messages and help", () => {
  it("contain none of the words that the linter refuses in comments", () => {
    assert.isAbove(sources.length, 300)
    assert.isAbove(oddWords.length, 5)
    assert.deepStrictEqual(sources.flatMap(oddIn), [])
  })
})

const long = Array.from({ length: longest + 1 }, () => "word").join(" ")

describe("the linter of prose", () => {
  it("finds each refused word in text, headings, tables, links and emphasis", async () => {
    const findings = await lint(
      "a.md",
      "# It goes on\n\n| a | [nobody](b.md) |\n| - | - |\n| **anew** | for good |\n"
    )
    assert.deepStrictEqual(findings.map((finding) => /^a\.md:(\d)/.exec(finding)?.[1]), ["1", "3", "5", "5"])
  })

  it("finds a long sentence in a paragraph and in a table", async () => {
    const findings = await lint("a.md", `${long}. Short.\n\n| a | b |\n| - | - |\n| c | ${long} |\n`)
    assert.deepStrictEqual(findings.map((finding) => /^a\.md:(\d)/.exec(finding)?.[1]), ["1", "5"])
  })

  it("counts inline code as one word, and ignores blocks of code", async () => {
    const text = `\`${long}\` is one word.\n\n\`\`\`sh\n${long} for good\n\`\`\`\n`
    assert.deepStrictEqual(await lint("a.md", text), [])
  })

  it("reads both kinds of comments of a source file with their line numbers, and no code", async () => {
    const source = `/**\n * A short one. ${long}.\n */\nconst a = "${long}" // ${long}\n  // It goes on.\n`
    const findings = await lint("a.ts", commentsOf("a.ts", source))
    assert.deepStrictEqual(findings.map((finding) => /^a\.ts:(\d)/.exec(finding)?.[1]), ["2", "5"])
  })

  it("reads the comments of a script", async () => {
    assert.lengthOf(await lint("Dockerfile", commentsOf("Dockerfile", `RUN nobody\n# For nobody.\n`)), 1)
  })
})
