import { assert, describe, it } from "@effect/vitest"
import { DiscardPolicy, nanos, RetentionPolicy, StorageType, type StreamConfig } from "nats"
import { retrySchedule } from "../../../src/Domain/RetrySchedule.ts"
import { faultsOf, operatedFaultsOf } from "../../../src/EventLog/Topology.ts"

const sound = {
  name: "3QPR_EVENTS",
  subjects: ["3qpr.events.>", "3qpr.quarantine.>"],
  storage: StorageType.File,
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.New,
  duplicate_window: nanos(retrySchedule)
} as StreamConfig

describe("an existing stream", () => {
  it("is used when its configuration keeps every event", () => {
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
    ["keeps the last events of a type only", { max_msgs_per_subject: 5 }, "max_msgs_per_subject is 5"],
    ["keeps entries from being erased", { deny_delete: true }, "deny_delete"],
    ["keeps entries from being purged", { deny_purge: true }, "deny_purge"],
    ["lets a message replace others", { allow_rollup_hdrs: true }, "allow_rollup_hdrs"],
    ["is a mirror", { mirror: { name: "OTHER" } }, "a mirror of OTHER"],
    ["has sources", { sources: [{ name: "OTHER" }] }, "sources"],
    ["moves subjects", { subject_transform: { src: "3qpr.>", dest: "x.>" } }, "subject_transform"],
    ["lets durable consumers expire", { consumer_limits: { inactive_threshold: 1 } }, "inactive_threshold"],
    ["misses the quarantine", { subjects: ["3qpr.events.>"] }, "3qpr.quarantine.>"],
    ["misses the events", { subjects: ["3qpr.events.scan.>", "3qpr.quarantine.>"] }, "3qpr.events.>"]
  ])("is refused when it %s", (_, change, fault) => {
    const faults = faultsOf({ config: { ...sound, ...change } })
    assert.strictEqual(faults.length, 1)
    assert.include(faults[0], fault)
  })
})

describe("an existing stream beside the event stream", () => {
  const letters = { ...sound, name: "3QPR_DEAD_LETTERS", subjects: ["3qpr.dead.>"], max_age: 0 }
  const redrives = {
    ...letters,
    name: "3QPR_REDRIVES",
    subjects: ["3qpr.redrive.>"],
    retention: RetentionPolicy.Workqueue
  }

  it("is used when it keeps every message", () => {
    assert.deepStrictEqual(operatedFaultsOf({ config: letters }), [])
    assert.deepStrictEqual(operatedFaultsOf({ config: redrives }), [])
  })

  it.each<readonly [string, StreamConfig, string]>([
    [
      "drops dead letters after a time",
      { ...letters, max_age: nanos(60_000) },
      "max_age drops its messages after 1m"
    ],
    ["keeps one dead letter of a type", { ...letters, max_msgs_per_subject: 1 }, "max_msgs_per_subject is 1"],
    ["drops old dead letters", { ...letters, discard: DiscardPolicy.Old }, "discard policy is old"],
    ["misses subjects", { ...letters, subjects: ["3qpr.dead.scans-1.>"] }, "3qpr.dead.>"],
    ["is no work queue", { ...redrives, retention: RetentionPolicy.Limits }, "it must be workqueue"]
  ])("is refused when it %s", (_, config, fault) => {
    const faults = operatedFaultsOf({ config })
    assert.strictEqual(faults.length, 1)
    assert.include(faults[0], fault)
  })
})
