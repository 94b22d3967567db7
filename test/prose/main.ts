// npm run check:prose: lints the Markdown files and the comments with textlint.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { checkout } from "../protections/Workspace.ts"
import { markdownFiles, sources, tests } from "../support/Prose.ts"
import { commentsOf } from "./Comments.ts"
import { lint } from "./Linter.ts"

const read = (file: string) => readFileSync(join(checkout, file), "utf8")

const findings = (await Promise.all([
  ...markdownFiles.map((file) => lint(file, read(file))),
  ...[...sources, ...tests].map((file) => lint(file, commentsOf(file, read(file))))
])).flat()

if (findings.length > 0) {
  process.stderr.write(`${findings.join("\n")}\n`)
  process.exitCode = 1
}
