// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { catalogue } from "../protections/Catalogue.ts"
import { checkout } from "../protections/Workspace.ts"

const read = (file: string) => readFileSync(join(checkout, file), "utf8")

/** The text of a test file and of the suites in its folder that it runs. */
const suiteOf = (test: string) => {
  const file = join("test", test)
  const text = read(file)
  const beside = [...text.matchAll(/from "\.\/([^"]+)"/g)].map(([, name = ""]) =>
    read(join(dirname(file), name))
  )
  return [text, ...beside].join("\n")
}

describe("the catalogue of protections", () => {
  it.each(catalogue)("finds the code and the test of this: $name", ({ edits, test, title }) => {
    for (const { file, text, without } of edits) {
      assert.strictEqual(read(file).split(text).length - 1, 1, `${file} has this not exactly once: ${text}`)
      assert.notStrictEqual(text, without)
    }
    assert.isAbove(edits.length, 0)
    assert.include(suiteOf(test), title)
  })

  it("gives each protection a distinct name", () => {
    const names = catalogue.map(({ name }) => name)
    assert.deepStrictEqual(names.filter((name, at) => names.indexOf(name) !== at), [])
  })

  it("has a protection for each threat of docs/security/threat-model.md", () => {
    const threats = [...read("docs/security/threat-model.md").matchAll(/^\| (T\d+) \|/gm)].map((
      [, row = ""]
    ) => row)
    assert.isAbove(threats.length, 10)
    const known = new Set(catalogue.flatMap(({ rows }) => rows))
    assert.deepStrictEqual(threats.filter((row) => !known.has(row)), [])
  })

  it("refers only to faults, threats and promises of the docs", () => {
    const tables = {
      fault: read("docs/internals/faults.md"),
      threat: read("docs/security/threat-model.md"),
      promise: read("ARCHITECTURE.md")
    }
    for (const row of new Set(catalogue.flatMap(({ rows }) => rows))) {
      const [, promise] = /^promise (\d)$/.exec(row) ?? []
      assert.match(
        promise ? tables.promise : row.startsWith("T") ? tables.threat : tables.fault,
        new RegExp(`^\\| [^|]*\\b${promise ?? row}\\b[^|]* \\|`, "m"),
        row
      )
    }
  })
})
