// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { runtimePackages } from "../../sbom.ts"
import { checkout } from "../protections/Workspace.ts"
import { markdownFiles } from "../support/Prose.ts"

const file = (name: string) => readFileSync(join(checkout, name), "utf8")

const readme = file("README.md")

/** The first code block of TypeScript. */
const example = (markdown: string) => /```ts\n([^`]*)```/.exec(markdown)?.[1] ?? ""

describe("README", () => {
  it("justifies every runtime dependency, and no other", () => {
    const listed = [...readme.matchAll(/^- `([^`]+)`: /gm)].map(([, name]) => name)
    assert.sameMembers(listed, Object.keys(runtimePackages()))
  })

  it("shows the same consumer as docs/consumers.md", () => {
    assert.include(example(readme), "subscribe({")
    assert.strictEqual(example(readme), example(file("docs/consumers.md")))
  })

  it("has the read model of docs/projections.md, in fewer lines", () => {
    const model = (markdown: string) =>
      /```ts\n(import \{ projection \}[^]*?)```/.exec(markdown)?.[1]?.replaceAll(/\/\*\*.*?\*\/|\s+/g, "") ??
        ""
    assert.include(model(readme), `name:"countries"`)
    assert.strictEqual(model(readme), model(file("docs/projections.md")))
  })

  it("shows the dashboard's address and the next step in its first lines", () => {
    const first = readme.split("\n").slice(0, 20).join("\n")
    assert.include(first, "http://127.0.0.1:3001/")
    assert.include(first, "npx threeqpr trigger")
  })

  it("links to each of the tasks that a reader begins with", () => {
    for (
      const page of [
        "docs/consumers.md",
        "docs/projections.md#add-a-read-model",
        "docs/connect-3qpr.md#rotate-the-secret",
        "docs/backup.md"
      ]
    ) assert.include(readme, `](${page})`)
  })

  it.each(["README.md", "ARCHITECTURE.md"])("is short: %s has at most 10 kB", (name) => {
    assert.isAtMost(statSync(join(checkout, name)).size, 10_000)
  })
})

describe("the pages of docs", () => {
  // A decision record has its status on that line. The index states this for all pages.
  const pages = markdownFiles.filter((name) =>
    name.startsWith("docs/") && !/^docs\/(README|decisions\/\d)/.test(name)
  )

  it.each(pages)("begin with what the reader can do afterwards: %s", (name) => {
    assert.match(file(name).split("\n")[2] ?? "", /^After (this page|these pages) /)
  })

  it.each(markdownFiles.filter((name) => /^docs\/decisions\/\d/.test(name)))(
    "have the parts of a decision record: %s",
    (name) => {
      assert.deepStrictEqual(file(name).match(/^## .*$/gm), ["## Context", "## Decision", "## Consequence"])
    }
  )
})
