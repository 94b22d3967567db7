import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

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
