import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"
import { Buffer } from "node:buffer"
import { readFileSync } from "node:fs"
import * as Signature from "../../../src/Signature/Signature.ts"

interface Vector {
  readonly name: string
  readonly secret: string
  /** Base64. */
  readonly body: string
  readonly signature: string
}

const vectors: ReadonlyArray<Vector> = JSON.parse(
  readFileSync(new URL("../../fixtures/signatures/vectors.json", import.meta.url), "utf8")
)
const secret = Redacted.make("whsec_test")
const body = Buffer.from(`{"id":"evt_1"}`)
const signature = Signature.sign(body, secret)
const verify = Signature.verifier([secret])

describe("Signature", () => {
  describe("agrees with openssl and Python", () => {
    it.each(vectors)("$name", (vector) => {
      const bytes = Buffer.from(vector.body, "base64")
      const secret = Redacted.make(vector.secret)
      assert.strictEqual(Signature.sign(bytes, secret), vector.signature)
      assert.isUndefined(Signature.verifier([secret])(bytes, vector.signature))
    })
  })

  it("accepts upper-case hex", () => {
    assert.isUndefined(verify(body, `sha256=${signature.slice(7).toUpperCase()}`))
  })

  it("accepts any of several active secrets, and no other", () => {
    const old = Redacted.make("whsec_old")
    const rotating = Signature.verifier([secret, old])
    assert.isUndefined(rotating(body, signature))
    assert.isUndefined(rotating(body, Signature.sign(body, old)))
    assert.strictEqual(
      rotating(body, Signature.sign(body, Redacted.make("whsec_other"))),
      "invalid_signature"
    )
  })

  it("refuses every body when there is no secret", () => {
    assert.strictEqual(Signature.verifier([])(body, signature), "invalid_signature")
  })

  describe("refuses a signature that is", () => {
    const hex = signature.slice(7)
    it.each([
      ["empty", ""],
      ["without its prefix", hex],
      ["with an upper-case prefix", `SHA256=${hex}`],
      ["of another algorithm", `sha1=${hex}`],
      ["one digit short", signature.slice(0, -1)],
      ["one digit long", `${signature}0`],
      ["not hex at the end", `${signature.slice(0, -1)}g`],
      ["not hex from the start", `sha256=${"z".repeat(64)}`],
      ["followed by a space", `${signature} `],
      ["followed by a new line", `${signature}\n`],
      ["not ASCII", `sha256=${"é".repeat(64)}`],
      ["base64", `sha256=${Buffer.from(hex, "hex").toString("base64")}`],
      ["one bit off", `sha256=${(Number.parseInt(hex[0] ?? "0", 16) ^ 1).toString(16)}${hex.slice(1)}`]
    ])("%s", (_, wrong) => {
      assert.strictEqual(verify(body, wrong), "invalid_signature")
    })
  })

  it("refuses the signature of a body with one byte changed, a BOM, or another line end", () => {
    for (const other of [`{"id":"evt_2"}`, `\uFEFF{"id":"evt_1"}`, `{"id":"evt_1"}\n`, `{"id": "evt_1"}`]) {
      assert.strictEqual(verify(Buffer.from(other), signature), "invalid_signature")
    }
  })

  it("calls a repeated header ambiguous, even when both values are right", () => {
    assert.strictEqual(verify(body, `${signature}, ${signature}`), "ambiguous_signature")
  })
})
