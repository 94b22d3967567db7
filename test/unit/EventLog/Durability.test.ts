import { assert, describe, it } from "vitest"
import { durabilityOf } from "../../../src/EventLog/Durability.ts"

describe("what a 200 survives", () => {
  it("includes a power cut only if the broker is known to sync before it acknowledges", () => {
    const said = (syncsBeforeAck: boolean | undefined) =>
      durabilityOf({ serverVersion: "2.14.5", syncsBeforeAck, replicas: 1 })
    assert.include(said(true), "survives a killed process and a power cut (nats-server 2.14.5, 1 replica")
    for (const unsure of [false, undefined]) assert.notMatch(said(unsure), /survives .*a power cut \(/)
  })

  it("includes the loss of a minority of replicas, unless clusters of that version can lose events", () => {
    const said = (serverVersion: string, replicas: number) =>
      durabilityOf({ serverVersion, syncsBeforeAck: true, replicas })
    assert.include(said("2.14.5", 3), "and the loss of 1 node (")
    assert.include(said("2.14.5", 5), "and the loss of 2 nodes (")
    assert.notInclude(said("2.14.5", 1), "the loss of")
    assert.notInclude(said("2.9.10", 3), "the loss of")
    assert.include(said("2.9.10", 3), "a cluster of this version can lose events")
    assert.notInclude(said("2.9.10", 1), "a cluster of this version")
  })
})
