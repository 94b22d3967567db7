// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { createHash } from "node:crypto"
import { HashFilter } from "../../../src/EventLog/ErasedIds/HashFilter.ts"

const hashOf = (id: string) => createHash("sha256").update(id).digest("hex")

describe("a filter of hashes", () => {
  it("has every hash that was added, and few others", () => {
    const filter = new HashFilter()
    for (let id = 0; id < 10_000; id++) filter.add(hashOf(`erased ${id}`))
    const count = (name: string) =>
      Array.from({ length: 10_000 }, (_, id) => filter.has(hashOf(`${name} ${id}`))).filter(Boolean).length
    assert.deepStrictEqual([count("erased"), count("other") < 20], [10_000, true])
  })

  it("is empty until a hash is added, and then has none but that one of two neighbours", () => {
    const filter = new HashFilter()
    assert.deepStrictEqual([filter.isEmpty, filter.has("0".repeat(64)), filter.has("f".repeat(64))], [
      true,
      false,
      false
    ])
    filter.add("f".repeat(64))
    assert.deepStrictEqual([filter.isEmpty, filter.has("f".repeat(64)), filter.has(`${"f".repeat(6)}b`)], [
      false,
      true,
      false
    ])
  })
})
