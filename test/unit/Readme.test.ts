// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { settings } from "../../src/Config.ts"
import { runtimePackages } from "../support/Bundled.ts"

const file = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8")

const readme = file("README.md")

describe("README", () => {
  it("lists every setting, with its meaning and default, and no other", () => {
    const rows = Object.values(settings).map(({ about, fallback, variable }) =>
      `| \`${variable}\` | ${about} | ${fallback === undefined ? "" : `\`${fallback}\``} |`
    )
    const table = readme.split("\n").filter((line) => /^\| `[A-Z_]+` \|/.test(line))
    assert.deepStrictEqual(table, rows)
  })

  it("justifies every runtime dependency, and no other", () => {
    const listed = [...readme.matchAll(/^- `([^`]+)`: /gm)].map(([, name]) => name)
    assert.sameMembers(listed, Object.keys(runtimePackages))
  })
})
