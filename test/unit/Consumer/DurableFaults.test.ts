import { assert, describe, it } from "@effect/vitest"
import { AckPolicy, type ConsumerConfig, type ConsumerInfo, DeliverPolicy, nanos, ReplayPolicy } from "nats"
import { describeOwner, faultsOf, ownerOf } from "../../../src/Consumer/DurableFaults.ts"

const filter = "3qpr.events.scan.created"

const infoOf = (changes: Partial<ConsumerConfig> = {}, paused?: boolean) =>
  ({
    name: "scans-1",
    paused,
    config: {
      durable_name: "scans-1",
      filter_subject: filter,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      replay_policy: ReplayPolicy.Instant,
      max_deliver: -1,
      ...changes
    }
  }) as ConsumerInfo

describe("a durable consumer", () => {
  it("has no fault as the program creates it, from the first event or from a sequence", () => {
    assert.deepStrictEqual(faultsOf(infoOf(), filter), [])
    const later = infoOf({ deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: 5 })
    assert.deepStrictEqual(faultsOf(later, filter), [])
  })

  it.each<readonly [string, Partial<ConsumerConfig>, string]>([
    ["skips what failed", { max_deliver: 2 }, "max_deliver is 2"],
    ["reads other subjects", { filter_subject: "3qpr.events.>" }, "filter is 3qpr.events.>"],
    ["acknowledges by itself", { ack_policy: AckPolicy.None }, "ack policy is none"],
    ["acknowledges all before", { ack_policy: AckPolicy.All }, "ack policy is all"],
    ["begins with what is new", { deliver_policy: DeliverPolicy.New }, "deliver policy is new"],
    ["hides bodies", { headers_only: true }, "headers_only"],
    ["expires", { inactive_threshold: 1 }, "inactive_threshold"],
    ["pushes", { deliver_subject: "elsewhere" }, "push consumer (elsewhere)"],
    ["is paused", { pause_until: "2999-01-01T00:00:00Z" }, "paused until 2999-01-01"],
    ["keeps the pace of the past", { replay_policy: ReplayPolicy.Original }, "replay policy"],
    ["keeps events of a killed process for an hour", { ack_wait: nanos(3_600_000) }, "ack_wait or backoff"],
    [
      "delivers again after an hour only",
      { backoff: [nanos(1_000), nanos(3_600_000)] },
      "ack_wait or backoff"
    ],
    ["refuses requests", { max_batch: 1 }, "max_batch"]
  ])("has a fault when it %s", (_, changes, fault) => {
    const faults = faultsOf(infoOf(changes), filter)
    assert.strictEqual(faults.length, 1)
    assert.include(faults[0], fault)
  })

  it("has the id of its database in its description", () => {
    assert.strictEqual(ownerOf(infoOf({ description: describeOwner("an-id") })), "an-id")
    assert.isUndefined(ownerOf(infoOf({ description: "the scans of our shop" })))
    assert.isUndefined(ownerOf(infoOf()))
  })
})
