// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import type { ConsumerInfo } from "nats"
import { durablesOf } from "../../../src/Consumer/ConsumerLag.ts"

const infoOf = (name: string, durable: string | undefined) =>
  ({
    name,
    config: { durable_name: durable, filter_subject: "3qpr.events.>" },
    ack_floor: { stream_seq: 7, consumer_seq: 7 }
  }) as ConsumerInfo

describe("the durable consumers of a list", () => {
  it("leave out short-lived consumers, and those that are ending, which nats-server 2.9 lists as null", async () => {
    async function* infos() {
      yield* [infoOf("scans-1", "scans-1"), null, infoOf("reader", undefined), infoOf("mine", "mine")]
    }
    const found = await durablesOf(infos())
    assert.deepStrictEqual(found.map(({ finishedTo, name }) => ({ finishedTo, name })), [
      { finishedTo: 7, name: "mine" },
      { finishedTo: 7, name: "scans-1" }
    ])
  })
})
