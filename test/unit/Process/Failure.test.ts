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

  it("ends the detail of the database without a period, so that a sentence can follow", () => {
    const cause = {
      severity: "FATAL",
      code: "57P03",
      message: "not yet accepting",
      detail: "Not consistent."
    }
    assert.strictEqual(
      messageOf(Object.assign(new Error("failed"), { "~effect/sql/SqlError": true, cause })),
      "not yet accepting (SQLSTATE 57P03): Not consistent"
    )
  })

  it("accepts any thrown value", () => {
    assert.strictEqual(messageOf("no"), "no")
    assert.strictEqual(messageOf(new Error("no", { cause: "why" })), "no: why")
    assert.strictEqual(messageOf(undefined), "undefined")
  })
})
