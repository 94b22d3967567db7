// Runs: node first

import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { existsSync, globSync, readFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import process from "node:process"
import { promisify } from "node:util"
import { checkout } from "../protections/Workspace.ts"
import { contents } from "../site/Contents.ts"
import { outputOf } from "../site/Page.ts"
import { markdownFiles } from "../support/Prose.ts"

let site = ""

beforeAll(async () => {
  site = await mkdtemp(join(tmpdir(), "threeqpr-site-"))
  await promisify(execFile)(process.execPath, [
    "node_modules/@11ty/eleventy/cmd.cjs",
    "--config=test/site/eleventy.config.ts",
    `--output=${relative(checkout, site)}`,
    "--quiet"
  ], { cwd: checkout, timeout: 50_000 })
})

afterAll(() => rm(site, { recursive: true, force: true }))

const html = (file: string) => readFileSync(join(site, file), "utf8")
const withoutCode = (text: string) => text.replaceAll(/<(pre|code|script)\b[^]*?<\/\1>/g, "")

describe("the site of the documentation", () => {
  it("has a page for each Markdown file, and no other page", () => {
    assert.sameMembers(globSync("**/*.html", { cwd: site }), markdownFiles.map(outputOf))
  })

  it("lists each page of docs and each file beside the README in the sidebar or in another index", () => {
    const listed = contents().flatMap(({ entries }) => entries.map(({ file }) => file))
    assert.isAbove(listed.length, 30)
    for (const file of listed) assert.include(markdownFiles, file)
    // The pages of these two folders have their own index. SECURITY.md is linked from the README.
    const elsewhere = /^(docs\/(decisions|internals)\/|SECURITY\.md)/
    assert.deepStrictEqual(
      markdownFiles.filter((file) => !listed.includes(file) && !elsewhere.test(file)),
      []
    )
  })

  it("has only links, pictures, scripts and anchors that exist", () => {
    const broken = globSync("**/*.html", { cwd: site }).flatMap((file) =>
      [...html(file).matchAll(/\b(?:href|src|srcset)="([^"]*)"/g)]
        .map(([, target = ""]) => target)
        .filter((target) => !/^(https?|mailto):/.test(target))
        .filter((target) => {
          const [path = "", anchor] = target.split("#")
          const linked = path === "" ? file : join(dirname(file), path)
          if (!existsSync(join(site, linked))) return true
          return anchor !== undefined && !html(linked).includes(` id="${anchor}"`)
        })
        .map((target) => `${file}: ${target}`)
    )
    assert.deepStrictEqual(broken, [])
  })

  it("has no Markdown syntax that was not rendered", () => {
    const raw = globSync("**/*.html", { cwd: site }).filter((file) =>
      /\]\(|^\||\*\*|^#+ /m.test(withoutCode(html(file)))
    )
    assert.deepStrictEqual(raw, [])
  })
})
