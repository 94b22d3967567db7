import { assert, describe, it } from "@effect/vitest"
import { DiscardPolicy, nanos, RetentionPolicy, StorageType, type StreamConfig } from "nats"
import { retrySchedule } from "../../src/EventLog.ts"
import { faultsOf } from "../../src/EventLog/Topology.ts"

const sound = {
  name: "3QPR_EVENTS",
  subjects: ["3qpr.events.>", "3qpr.quarantine.>"],
  storage: StorageType.File,
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.New,
  duplicate_window: nanos(retrySchedule)
} as StreamConfig

describe("an existing stream", () => {
  it("is used when it keeps our promises", () => {
    assert.deepStrictEqual(faultsOf({ config: sound }), [])
    assert.deepStrictEqual(faultsOf({ config: { ...sound, subjects: ["3qpr.>"] } }), [])
  })

  it.each<readonly [string, Partial<StreamConfig>, string]>([
    ["keeps events in memory", { storage: StorageType.Memory }, "storage is memory"],
    ["drops old events", { discard: DiscardPolicy.Old }, "discard policy is old"],
    ["drops what was read", { retention: RetentionPolicy.Workqueue }, "retention is workqueue"],
    [
      "forgets ids before 3QPR's last try",
      { duplicate_window: nanos(retrySchedule - 1) },
      "3QPR retries for 1h 12m 35s"
    ],
    ["does not acknowledge", { no_ack: true }, "no_ack"],
    ["is sealed", { sealed: true }, "sealed"],
    ["misses the quarantine", { subjects: ["3qpr.events.>"] }, "3qpr.quarantine.>"],
    ["misses the events", { subjects: ["3qpr.events.scan.>", "3qpr.quarantine.>"] }, "3qpr.events.>"]
  ])("is refused when it %s", (_, change, fault) => {
    const faults = faultsOf({ config: { ...sound, ...change } })
    assert.strictEqual(faults.length, 1)
    assert.include(faults[0], fault)
  })
})
