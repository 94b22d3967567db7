import { assert, it } from "@effect/vitest"
import { Buffer } from "node:buffer"
import { createHmac } from "node:crypto"
import { hmacSha256 } from "../../../src/Signature/Hmac.ts"
import { drawsOf } from "../../support/Faults/Bodies.ts"

const draw = drawsOf(11)
const bytes = (size: number) => Buffer.from(Array.from({ length: size }, () => Math.floor(draw() * 256)))

it("hmacSha256 equals createHmac for keys and bodies of every size", () => {
  const keys = [0, 1, 31, 63, 64, 65, 200].map((size) => bytes(size).toString("latin1"))
  const sizes = [0, 1, 55, 56, 63, 64, 65, 600, 8_191, 8_192, 8_193, 100_000]
  for (const key of keys) {
    const hmac = hmacSha256(key)
    // Sizes rise and fall: no bytes of a body may remain in the hash of the next.
    for (const size of [...sizes, ...sizes.toReversed()]) {
      const body = bytes(size)
      const expected = createHmac("sha256", key).update(body).digest("hex")
      assert.strictEqual(hmac(body), expected, `${key.length} characters, ${size} bytes`)
      assert.strictEqual(hmac(Uint8Array.from(body)), expected)
    }
  }
})
