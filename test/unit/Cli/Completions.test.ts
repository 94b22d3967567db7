// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { projectionNames } from "../../../src/Cli/Completions.ts"
import { projections } from "../../../src/Projector/Projections.ts"

describe("the completions", () => {
  it("offer each projection that serve runs", () => {
    assert.sameMembers([...projectionNames], projections.map(({ name }) => name))
  })
})
