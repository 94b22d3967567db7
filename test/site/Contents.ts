import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { markdownFiles } from "../support/Prose.ts"

export const checkout = fileURLToPath(new URL("../..", import.meta.url))

export interface Entry {
  readonly title: string
  /** A Markdown file, as a path from the root of the project. */
  readonly file: string
}

export interface Section {
  readonly title: string
  readonly entries: ReadonlyArray<Entry>
}

/** The sections and pages of the sidebar, in the order of the index of the documentation. */
export const contents = (): ReadonlyArray<Section> => {
  const [, ...sections] = readFileSync(join(checkout, "docs/README.md"), "utf8").split(/^## /m)
  const read = sections.map((section) => ({
    title: section.split("\n")[0] ?? "",
    entries: [...section.matchAll(/^\| \[([^\]]+)\]\(([^)]+)\)/gm)].map(([, title = "", path = ""]) => ({
      title,
      file: join("docs", path)
    }))
  }))
  return [
    {
      title: "",
      entries: [{ title: "Start", file: "README.md" }, { title: "All pages", file: "docs/README.md" }]
    },
    ...read
  ]
}

/** The source files that pages link to. The site has a copy of each that a browser shows as text. */
export const linkedSources = (): ReadonlyArray<string> => [
  ...new Set(
    markdownFiles.flatMap((file) =>
      [
        ...readFileSync(join(checkout, file), "utf8").matchAll(
          /\]\((?![a-z]+:)([^)\s#]+\.(?:ts|mjs|js|json|yml))\)/g
        )
      ]
        .map(([, target = ""]) => join(dirname(file), target))
    )
  )
]
