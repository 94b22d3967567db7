// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { unchecking } from "../bench/Parts/Place.ts"
import { checkout } from "../protections/Workspace.ts"

describe("the benchmark of the checks of the place", () => {
  it("edits code that is there", () => {
    for (const { file, text } of unchecking) {
      assert.lengthOf(readFileSync(join(checkout, file), "utf8").split(text), 2, text)
    }
  })
})
