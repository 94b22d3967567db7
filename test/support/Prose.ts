import { globSync } from "node:fs"
import { fileURLToPath } from "node:url"

const cwd = fileURLToPath(new URL("../..", import.meta.url))

/** The Markdown files of the project, as paths from its root. */
export const markdownFiles: ReadonlyArray<string> = globSync(["*.md", "docs/**/*.md"], { cwd }).toSorted()

/** The sources, scripts and configuration files whose comments are linted. */
export const sources: ReadonlyArray<string> = globSync(
  ["src/**/*.{ts,js,html,yml,json}", "bin/*.js", "*.ts", "*.yml", "Dockerfile", ".env.example"],
  { cwd }
).toSorted()

/** The files of the tests whose comments are linted. */
export const tests: ReadonlyArray<string> = globSync(["test/**/*.{ts,mjs}", ".ci/run", "bin/*.sh"], { cwd })
  .toSorted()
