// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { checkout } from "../protections/Workspace.ts"
import { longest, markdownFiles, oddWords, sentencesOf, sources } from "../support/Prose.ts"

const oddIn = (file: string) =>
  readFileSync(join(checkout, file), "utf8").split("\n").flatMap((line, index) =>
    oddWords.filter(([word]) => word.test(line)).map(([word, instead]) =>
      `${file}:${index + 1} has ${word}; write: ${instead}`
    )
  )

describe("comments, messages and help", () => {
  it("have plain words", () => {
    assert.isAbove(sources.length, 300)
    assert.deepStrictEqual(sources.flatMap(oddIn), [])
  })
})

describe("the prose of the Markdown files", () => {
  it.each(markdownFiles)("%s has plain words", (file) => {
    assert.deepStrictEqual(oddIn(file), [])
  })

  it.each(markdownFiles)(`%s has sentences of at most ${longest} words`, (file) => {
    const long = sentencesOf(readFileSync(join(checkout, file), "utf8"))
      .filter(({ words }) => words > longest)
      .map(({ line, text, words }) => `${file}:${line} has ${words} words: ${text}`)
    assert.deepStrictEqual(long, [])
  })

  it("is measured: odd words and long sentences are found, code is not read", () => {
    assert.isTrue(oddWords.some(([word]) => word.test("It goes on.")))
    const words = Array.from({ length: 30 }, () => "word").join(" ")
    assert.deepStrictEqual(
      sentencesOf(
        `# Title\n\n${words}.\nShort \`a b c\` one.\n\n\`\`\`\n${words}\n\`\`\`\n\n| ${words} | x |`
      )
        .map(({ words }) => words),
      [30, 3, 30, 1]
    )
  })
})
