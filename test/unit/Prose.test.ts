// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { checkout } from "../protections/Workspace.ts"
import {
  longest,
  markdownFiles,
  oddWords,
  type Sentence,
  sentencesOf,
  sentencesOfComments,
  sources
} from "../support/Prose.ts"

const oddIn = (file: string) =>
  readFileSync(join(checkout, file), "utf8").split("\n").flatMap((line, index) =>
    oddWords.filter(([word]) => word.test(line)).map(([word, instead]) =>
      `${file}:${index + 1} has ${word}; write: ${instead}`
    )
  )

const longIn = (file: string, sentences: (text: string) => ReadonlyArray<Sentence>) =>
  sentences(readFileSync(join(checkout, file), "utf8"))
    .filter(({ words }) => words > longest)
    .map(({ line, text, words }) => `${file}:${line} has ${words} words: ${text}`)

describe("comments, messages and help", () => {
  it("have plain words", () => {
    assert.isAbove(sources.length, 300)
    assert.deepStrictEqual(sources.flatMap(oddIn), [])
  })

  it(`have comments with sentences of at most ${longest} words`, () => {
    const scripts = sources.filter((file) => /\.[tj]s$/.test(file))
    assert.deepStrictEqual(scripts.flatMap((file) => longIn(file, sentencesOfComments)), [])
  })

  it("are measured: long sentences in both kinds of comments are found, code is not read", () => {
    const words = Array.from({ length: 30 }, () => "word").join(" ")
    const source = `/**\n * A short one. ${words}.\n */\nconst a = 1 // ${words}\n  // One.\n  // ${words}\n`
    assert.deepStrictEqual(sentencesOfComments(source).map(({ words }) => words), [3, 30, 1, 30])
  })
})

describe("the prose of the Markdown files", () => {
  it.each(markdownFiles)("%s has plain words", (file) => {
    assert.deepStrictEqual(oddIn(file), [])
  })

  it.each(markdownFiles)(`%s has sentences of at most ${longest} words`, (file) => {
    assert.deepStrictEqual(longIn(file, sentencesOf), [])
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
