// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { verdictOf } from "../../../src/Cli/Trigger/Verdict.ts"

const answered = (...statuses: ReadonlyArray<number>) =>
  statuses.map((status) => ({
    status,
    millis: 1,
    answer: status === 400 ? `{"error":"invalid_signature"}` : ""
  }))

describe("the verdict of trigger", () => {
  it("calls a refusal with 400 or 401 the right result of a forged delivery", () => {
    assert.deepStrictEqual(verdictOf(answered(400, 401), "tamper"), {
      right: "The refusal is the expected result: --tamper changes the body after it is signed."
    })
    assert.deepStrictEqual(verdictOf(answered(401), "unsigned"), {
      right: "The refusal is the expected result: --unsigned sends no signature."
    })
  })

  it("does not count any other answer to a forged delivery as a refusal", () => {
    assert.deepStrictEqual(verdictOf(answered(400, 200), "tamper"), {
      wrong:
        "1 of 2 deliveries were not refused with 400 or 401. The receiver must not accept requests without 3QPR's signature."
    })
    assert.deepStrictEqual(verdictOf(answered(503), "unsigned"), {
      wrong: "1 of 1 deliveries were not refused with 400 or 401."
    })
  })

  it("is empty when all genuine deliveries are accepted, and names the doctor when a signature is refused", () => {
    assert.deepStrictEqual(verdictOf(answered(200, 200), undefined), { right: undefined })
    const verdict = verdictOf(answered(200, 400), undefined)
    assert.match(
      "wrong" in verdict ? verdict.wrong : "",
      /^1 of 2 deliveries were not accepted\. .*doctor signature/
    )
  })
})
