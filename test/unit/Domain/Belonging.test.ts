import { assert, describe, it } from "@effect/vitest"
import { belongingOf } from "../../../src/Domain/Belonging.ts"

const of = (event: unknown, data: unknown) => belongingOf({ id: "e", event, data })

describe("the belonging of an event", () => {
  it("is the object that the event is about, and that object's parents", () => {
    assert.deepStrictEqual(of("scan.created", { id: "s", qpr_code_id: "q", conversation_id: "c" }), {
      own: "scan:s",
      to: ["qpr_code:q"]
    })
    assert.deepStrictEqual(
      of("conversation.completed", { conversation_id: "c", scan_id: "s", qpr_code_id: "q" }),
      {
        own: "conversation:c",
        to: ["qpr_code:q", "scan:s"]
      }
    )
    for (const type of ["qpr_code.created", "qpr_code.listed"]) {
      assert.deepStrictEqual(of(type, { id: "q" }), { own: "qpr_code:q", to: [] })
    }
    assert.deepStrictEqual(of("subscription.upgraded", { id: "u" }), { own: "subscription:u", to: [] })
  })

  it("is every id that an event of an unknown type names", () => {
    assert.deepStrictEqual(of("constructor", { id: "m", scan_id: "s" }), { own: undefined, to: ["scan:s"] })
    assert.deepStrictEqual(of("menu.opened", { id: "m", conversation_id: "c", qpr_code_id: "q" }), {
      own: undefined,
      to: ["qpr_code:q", "conversation:c"]
    })
  })

  it("is empty for JSON without ids", () => {
    for (
      const json of [null, 1, "text", [], {}, { event: 1, data: [] }, {
        event: "scan.created",
        data: { id: 5 }
      }]
    ) {
      assert.deepStrictEqual(belongingOf(json), { own: undefined, to: [] })
    }
  })
})
