import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Buffer } from "node:buffer"
import { Body } from "../../../src/Ingress/Body.ts"

const bodyOf = (parts: Iterable<Uint8Array>) => {
  const body = new Body(1_000_000)
  for (const part of parts) body.add(Buffer.from(part))
  return body
}

describe("a body that arrives in parts", () => {
  it.prop("consists of its parts in order, and uses at most twice their memory", {
    parts: Schema.Array(Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))))
  }, ({ parts }) => {
    const all = Buffer.from(parts.flat())
    const body = bodyOf(parts.map((part) => Uint8Array.from(part)))
    assert.deepStrictEqual(Buffer.from(body.bytes), all)
    assert.strictEqual(body.size, all.length)
    assert.isAtMost(body.held, 2 * all.length)
  })

  it("does not copy a single part", () => {
    const part = Buffer.from("whole")
    const body = new Body(1_000_000)
    body.add(part)
    assert.strictEqual(body.bytes.buffer, part.buffer)
  })

  it("is fragmented if it has many tiny parts, but not if its parts are network segments", () => {
    assert.isTrue(bodyOf(Array.from({ length: 1_200 }, () => Uint8Array.of(1))).isCrumbs)
    assert.isFalse(bodyOf(Array.from({ length: 1_000 }, () => Uint8Array.of(1))).isCrumbs)
    assert.isFalse(bodyOf(Array.from({ length: 700 }, () => new Uint8Array(1_400))).isCrumbs)
  })
})
