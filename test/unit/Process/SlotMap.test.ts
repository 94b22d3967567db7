import { assert, describe, it } from "@effect/vitest"
import { SlotMap } from "../../../src/Process/SlotMap.ts"

describe("what is in flight", () => {
  it("is found in its slot until it is deleted, which succeeds once", () => {
    const inFlight = new SlotMap<{ readonly name: string }>()
    const [first, second] = [{ name: "first" }, { name: "second" }]
    const places = [inFlight.add(first), inFlight.add(second)] as const
    assert.strictEqual(inFlight.at(places[1]), second)
    assert.sameMembers([...inFlight.values()], [first, second])
    assert.isTrue(inFlight.delete(places[0], first))
    assert.isFalse(inFlight.delete(places[0], first))
    assert.isUndefined(inFlight.at(places[0]))
    assert.strictEqual(inFlight.size, 1)
  })

  it("reuses the slot of a deleted value, which can no longer be deleted from that slot", () => {
    const inFlight = new SlotMap<object>()
    const [gone, next] = [{}, {}]
    const place = inFlight.add(gone)
    inFlight.delete(place, gone)
    assert.strictEqual(inFlight.add(next), place)
    assert.isFalse(inFlight.delete(place, gone))
    assert.deepStrictEqual([inFlight.size, inFlight.at(place)], [1, next])
  })
})
