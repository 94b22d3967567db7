import { assert, describe, it } from "@effect/vitest"
import { Cause } from "effect"
import { messageOf } from "../../../src/Process/Failure.ts"

describe("the message of a failure", () => {
  it("lists errors from the outermost to the root cause, without repetitions", () => {
    const root = new Error("unsupported Unicode escape sequence")
    const error = new Error("query failed", { cause: new Error("query failed", { cause: root }) })
    assert.strictEqual(messageOf(error), "query failed: unsupported Unicode escape sequence")
    assert.strictEqual(messageOf(Cause.fail(error)), messageOf(error))
  })

  it("accepts any thrown value", () => {
    assert.strictEqual(messageOf("no"), "no")
    assert.strictEqual(messageOf(new Error("no", { cause: "why" })), "no: why")
    assert.strictEqual(messageOf(undefined), "undefined")
  })
})
