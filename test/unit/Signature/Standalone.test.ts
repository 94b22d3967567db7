import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"
import { Buffer } from "node:buffer"
import * as Signature from "../../../src/Signature/Signature.ts"
import { problemOf, sign, verify } from "../../../src/Signature/Standalone.ts"

const secret = "whsec_of_an_example"
const text = `{"id":"evt_1","event":"scan.created","data":{"name":"Zoë"}}`

describe("the signature without Effect", () => {
  it("signs a text and its bytes identically, like the signature with Effect", () => {
    const bytes = Buffer.from(text)
    const signature = Signature.sign(bytes, Redacted.make(secret))
    for (const body of [text, bytes, new Uint8Array(bytes), new Uint8Array(bytes).buffer]) {
      assert.strictEqual(sign(body, secret), signature)
      assert.isTrue(verify(body, signature, secret))
    }
  })

  it("accepts any of several secrets", () => {
    const signature = sign(text, secret)
    assert.isTrue(verify(text, signature, ["whsec_of_next_month", secret]))
    assert.isFalse(verify(text, signature, ["whsec_of_next_month"]))
  })

  it("returns the reason of each refusal and never throws because of a signature", () => {
    const good = sign(text, secret)
    const reasons = [
      [undefined, "missing_signature"],
      [null, "missing_signature"],
      ["", "invalid_signature"],
      ["sha256=00", "invalid_signature"],
      [`sha256=${"0".repeat(64)}`, "invalid_signature"],
      [good.slice("sha256=".length), "invalid_signature"],
      [`${good}, ${good}`, "ambiguous_signature"],
      [good, undefined]
    ] as const
    for (const [signature, reason] of reasons) {
      assert.strictEqual(problemOf(text, signature, secret), reason, String(signature))
    }
    assert.strictEqual(problemOf(`${text} `, good, secret), "invalid_signature")
  })

  it("refuses a parsed body, and asks for the body before parsing", () => {
    const parsed: never = JSON.parse(text) as never
    assert.throws(
      () => verify(parsed, "", secret),
      TypeError,
      /The body is an object; allowed is .*before it is parsed/
    )
    assert.throws(() => verify(undefined as never, "", secret), TypeError, /The body is undefined/)
  })

  it("refuses a secret that is missing, too short or damaged, without showing it", () => {
    for (
      const [secrets, fault] of [
        [undefined, "Secret 1 is undefined"],
        ["", "Secret 1 is too short (0 characters)"],
        [[], "The list of secrets is empty"],
        [[secret, "whsec_shorter"], "Secret 2 is too short (13 characters)"],
        [`${secret},whsec_of_next_month`, "Secret 1 is the text of a setting with several secrets"],
        [`${secret};until=2026-12-01T00:00:00Z`, "or with an expiry; pass a list"],
        [`${secret}\n`, "Secret 1 is text that contains a control character"]
      ] as const
    ) {
      try {
        verify(text, "", secrets as never)
        assert.fail(`${fault} was taken`)
      } catch (error) {
        assert.instanceOf(error, TypeError)
        assert.include((error as TypeError).message, fault)
        assert.notInclude((error as TypeError).message, "whsec_")
      }
    }
  })
})
