import { assert, describe, it } from "@effect/vitest"
import { Cause } from "effect"
import { messageOf } from "../../../src/Process/Failure.ts"

describe("the message of a failure", () => {
  it("goes from the outermost error to what caused it, and says nothing twice", () => {
    const root = new Error("unsupported Unicode escape sequence")
    const error = new Error("query failed", { cause: new Error("query failed", { cause: root }) })
    assert.strictEqual(messageOf(error), "query failed: unsupported Unicode escape sequence")
    assert.strictEqual(messageOf(Cause.fail(error)), messageOf(error))
  })

  it("takes anything that was thrown", () => {
    assert.strictEqual(messageOf("no"), "no")
    assert.strictEqual(messageOf(new Error("no", { cause: "why" })), "no: why")
    assert.strictEqual(messageOf(undefined), "undefined")
  })
})
