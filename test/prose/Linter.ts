import {
  TextlintKernel,
  type TextlintKernelOptions,
  type TextlintKernelRule,
  type TextlintPluginCreator
} from "@textlint/kernel"
import type Markdown from "@textlint/textlint-plugin-markdown"
import { createRequire } from "node:module"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const require = createRequire(import.meta.url)

// These are CommonJS modules, and the runtimes disagree about their default exports.
const markdown: typeof Markdown = require(
  "@textlint/textlint-plugin-markdown"
)
const words: { readonly default: TextlintKernelRule["rule"] } = require("textlint-rule-prh")
const wordCount: TextlintKernelRule["rule"] = require("textlint-rule-en-max-word-count")

/** The refused words, each with its replacement. */
export const wordList = join(fileURLToPath(new URL(".", import.meta.url)), "words.yml")

/** Maximum number of words in a sentence. */
export const longest = 25

interface Node {
  type: string
  readonly children?: ReadonlyArray<Node>
}

/** Turns table cells into paragraphs, because the rules check paragraphs only. */
const readCells = (node: Node) => {
  if (node.type === "TableCell") node.type = "Paragraph"
  node.children?.forEach(readCells)
}

class Processor extends markdown.default.Processor {
  override processor(extension: string) {
    const { postProcess, preProcess } = super.processor(extension)
    return {
      preProcess: (text: string, file?: string) => {
        const parsed = preProcess(text, file)
        readCells("ast" in parsed ? parsed.ast : parsed)
        return parsed
      },
      postProcess
    }
  }
}

const plugin: TextlintPluginCreator = { Processor }

const options: TextlintKernelOptions = {
  ext: ".md",
  plugins: [{ pluginId: "markdown", plugin }],
  rules: [
    {
      ruleId: "words",
      rule: words.default,
      options: { rulePaths: [wordList], checkEmphasis: true, checkLink: true }
    },
    { ruleId: "sentence-length", rule: wordCount, options: { max: longest } }
  ]
}

const kernel = new TextlintKernel()

/** Lints a Markdown text and returns one line per finding. */
export const lint = async (file: string, text: string): Promise<ReadonlyArray<string>> => {
  const { messages } = await kernel.lintText(text, { ...options, filePath: file })
  return messages.map(({ column, line, message }) => {
    const beginning = text.split("\n")[line - 1]?.slice(column - 1, column + 60) ?? ""
    return `${file}:${line} ${message} At: ${beginning}`
  })
}
