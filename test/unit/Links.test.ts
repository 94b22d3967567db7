// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { checkout } from "../protections/Workspace.ts"
import { anchors } from "../support/Anchors.ts"
import { markdownFiles } from "../support/Prose.ts"

const anchorsOf = (markdown: string) => {
  const anchor = anchors()
  return new Set(
    [...withoutCode(markdown).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchor(heading))
  )
}

const withoutCode = (markdown: string) => markdown.replaceAll(/^```[^]*?^```$/gm, "")

const targetsOf = (markdown: string) => {
  const text = withoutCode(markdown).replaceAll(/`[^`\n]*`/g, "code")
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g), ...text.matchAll(/\b(?:src|srcset|href)="([^"]+)"/g)]
  return links.map(([, target = ""]) => target).filter((target) => !/^[a-z]+:/.test(target))
}

describe("the Markdown files", () => {
  it.each(markdownFiles)("%s links to files and headings that exist", (file) => {
    const broken = targetsOf(readFileSync(join(checkout, file), "utf8")).filter((target) => {
      const [path = "", anchor] = target.split("#")
      const linked = path === "" ? join(checkout, file) : join(checkout, dirname(file), path)
      if (!existsSync(linked)) return true
      return anchor !== undefined && !anchorsOf(readFileSync(linked, "utf8")).has(anchor)
    })
    assert.deepStrictEqual(broken, [])
  })

  it("are all reachable from the README", () => {
    const reached = new Set<string>()
    const visit = (file: string) => {
      if (reached.has(file)) return
      reached.add(file)
      for (const target of targetsOf(readFileSync(join(checkout, file), "utf8"))) {
        const path = target.split("#")[0] ?? ""
        if (path.endsWith(".md")) visit(relative(checkout, join(checkout, dirname(file), path)))
      }
    }
    visit("README.md")
    assert.deepStrictEqual(markdownFiles.filter((file) => !reached.has(file)), [])
  })
})
