import { assert, describe, it } from "@effect/vitest"
import { asRuled, awaitsProjectors, claims, follows, standsAside } from "../../../src/Projector/Definition.ts"

const defined = (types: ReadonlyArray<string>, revision?: number) => ({
  name: "codes",
  version: 1,
  types,
  ...(revision !== undefined && { revision })
})

const older = defined(["code.created"])
const newer = defined(["code.listed", "code.created"], 2)
const both = ["code.created", "code.listed"]

describe("the definition of a projection", () => {
  it("is claimed by a newer one, and by none that is older", () => {
    const live = { version: 1, claimed_version: 1, revision: 1, types: ["code.created"] }
    assert.isTrue(claims(newer, live, false))
    assert.isFalse(claims(older, { version: 1, claimed_version: 1, revision: 2, types: both }, true))
    assert.isFalse(claims(newer, { ...live, version: 2 }, true), "its tables are those of a newer version")
  })

  it("of a higher version is newer, whatever its revision", () => {
    const live = { version: 1, claimed_version: 1, revision: 5, types: ["code.created"] }
    assert.isTrue(claims({ ...newer, version: 2 }, live, false))
    assert.isFalse(claims(newer, { ...live, claimed_version: 2 }, true))
    assert.match(standsAside(newer, { ...live, claimed_version: 2 }) ?? "", /Deploy the newer version/)
  })

  it("is claimed once when an earlier version of the program stored none", () => {
    assert.isTrue(claims(older, { version: 1, claimed_version: 0, revision: 0, types: null }, false))
    assert.isFalse(
      claims(older, { version: 1, claimed_version: 1, revision: 1, types: ["code.created"] }, false)
    )
  })

  it("with the same revision is the one of the process that started last", () => {
    const live = { version: 1, claimed_version: 1, revision: 1, types: both }
    assert.isTrue(claims(older, live, true))
    assert.isFalse(claims(older, live, false), "a process that runs for some time leaves it to the other one")
    assert.match(standsAside(older, live) ?? "", /revision 1.*Increase the revision, or the version,/)
  })

  it("is followed in any order of its types", () => {
    assert.isTrue(follows(newer, { types: both }))
    assert.isTrue(follows(newer, { types: null }))
    assert.isFalse(follows(older, { types: both }))
  })

  it("names what an older process does not apply, and how to go back", () => {
    const fault = standsAside(older, { claimed_version: 1, revision: 2, types: both }) ?? ""
    assert.match(fault, /^codes applies code\.created, code\.listed \(version 1, revision 2\)/)
    assert.match(
      fault,
      /defines it with code\.created \(version 1, revision 1\), so it applies no event of codes/
    )
    assert.match(fault, /`threeqpr projections rebuild codes`$/)
    assert.isUndefined(standsAside(newer, { claimed_version: 1, revision: 2, types: both }))
    assert.isUndefined(
      standsAside(newer, { claimed_version: 1, revision: 1, types: ["code.created"] }),
      "it claims instead"
    )
  })

  it("is the measure of every process, which says what the projectors do not apply yet", () => {
    const live = { claimed_version: 1, revision: 1, types: ["code.created"] }
    assert.deepStrictEqual(asRuled(newer, live).types, ["code.created"])
    assert.deepStrictEqual(asRuled(newer, { types: null }).types, newer.types)
    assert.match(awaitsProjectors(newer, live) ?? "", /does not apply code\.listed to codes\. Deploy/)
    assert.isUndefined(awaitsProjectors(newer, { claimed_version: 1, revision: 2, types: both }))
  })
})
