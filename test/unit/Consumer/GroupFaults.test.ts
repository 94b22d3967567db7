// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { GroupFaults } from "../../../src/Consumer/OrderedGroup/GroupFaults.ts"
import { MemberState } from "../../../src/Consumer/OrderedGroup/MemberState.ts"

const config = { partitions: 2, after: 0 }
const contents = {
  members: new Map([["me", { revision: 1 }]]),
  partitions: new Map(),
  config,
  anchor: undefined,
  created: "2026-01-01T00:00:00Z"
}

/** A member whose log is compared, and that has read the store at time 0. */
const reading = () => {
  const member = new MemberState({ id: "me", partitions: 2, lease: 3_000, after: 0 })
  const faults = new GroupFaults(member, config)
  faults.compared(undefined)
  faults.read(contents, true)
  member.look(0, contents, { sentAt: 0, revision: 1 })
  return { faults, halted: () => member.halted }
}

describe("the faults of a member of an ordered group", () => {
  it("halt the member until the log is compared with the group", () => {
    const member = new MemberState({ id: "me", partitions: 2, lease: 3_000, after: 0 })
    const faults = new GroupFaults(member, config)
    faults.read(contents, true)
    assert.strictEqual(member.halted, "the event log is not yet compared with the group")
    assert.isTrue(faults.compared(undefined))
    faults.read(contents, true)
    assert.isUndefined(member.halted)
  })

  it("halt the member at once when the connection is lost, and resume it only after a comparison", () => {
    const { faults, halted } = reading()
    faults.disconnected()
    assert.include(halted(), "the connection to the broker was lost")
    faults.read(contents, true)
    assert.include(halted(), "the connection to the broker was lost")
    assert.isTrue(faults.compared(undefined))
    assert.isFalse(faults.compared(undefined))
    faults.read(contents, true)
    assert.isUndefined(halted())
  })

  it("halt the member in another bucket, and with another configuration", () => {
    const { faults, halted } = reading()
    faults.read({ ...contents, created: "2026-02-01T00:00:00Z" }, true)
    assert.include(halted(), "is not the one that this member joined")
    faults.read({ ...contents, config: { partitions: 4, after: 0 } }, true)
    assert.include(halted(), "the group now has 4 partitions")
    faults.read(contents, true)
    assert.isUndefined(halted())
  })

  it("keep the last result when a stale reading has another configuration", () => {
    const { faults, halted } = reading()
    faults.read({ ...contents, config: undefined }, false)
    assert.isUndefined(halted())
    faults.read({ ...contents, config: undefined }, true)
    assert.include(halted(), "configuration was purged")
    faults.read(contents, false)
    assert.include(halted(), "configuration was purged")
  })

  it("are logged once, and once when events are handled again", () => {
    const { faults } = reading()
    assert.isUndefined(faults.news(0))
    faults.bucketMissing("the bucket is missing")
    assert.strictEqual(faults.news(0), "the bucket is missing")
    assert.isUndefined(faults.news(0))
    faults.read(contents, true)
    assert.isNull(faults.news(0))
    assert.isUndefined(faults.news(0))
  })

  it("are not logged when the store does not answer for less than a lease", () => {
    const { faults } = reading()
    const expired = 3_000
    for (let failures = 1; failures < 5; failures++) {
      faults.failed("no answer")
      assert.strictEqual(faults.reason(expired), "no answer")
      assert.isUndefined(faults.news(expired))
    }
    faults.failed("no answer")
    assert.strictEqual(faults.news(expired), "no answer")
    faults.succeeded()
    assert.strictEqual(faults.failures, 0)
    assert.strictEqual(faults.reason(expired), "no heartbeat was acknowledged within the lease")
  })
})
