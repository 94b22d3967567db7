// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { bytes } from "../../../src/Domain/Bytes.ts"

describe("a formatted number of bytes", () => {
  it("has one decimal from 1 kB, and the next unit when it rounds up to it", () => {
    assert.deepStrictEqual(
      [0, 999, 1_000, 999_949, 999_950, 1_234_567, 2e12, 3e15].map(bytes),
      ["0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "1.2 MB", "2.0 TB", "3.0 PB"]
    )
  })
})
