import { assert, describe, it } from "@effect/vitest"
import {
  judgeAccount,
  judgeDurable,
  judgeLog,
  type LogNow,
  type Memory,
  patience,
  pauseBefore,
  standstill
} from "../../../src/Projector/Place/Place.ts"

const created = "2026-01-01T00:00:00Z"

const log = (changes: Partial<LogNow> = {}): LogNow => ({
  created,
  lastSequence: 100,
  ids: new Map([[99, "evt_99"], [100, "evt_100"]]),
  ...changes
})

const memory = (changes: Partial<Memory> = {}): Memory => ({
  created,
  highest: 100,
  marks: [{ sequence: 100, id: "evt_100" }, { sequence: 99, id: "evt_99" }],
  ...changes
})

const later = "2026-02-02T00:00:00Z"

describe("a log", () => {
  it.each<readonly [string, Memory, LogNow, string]>([
    ["with the remembered events is the same", memory(), log(), "same"],
    ["whose remembered entries were erased is the same", memory(), log({ ids: new Map() }), "same"],
    [
      "with the remembered events and another creation time is the same",
      memory(),
      log({ created: later }),
      "adopt"
    ],
    [
      "is adopted by a read model without events",
      memory({ highest: 0, marks: [] }),
      log({ created: later }),
      "adopt"
    ],
    ["is adopted by rows of a version that kept none", memory({ created: null, marks: [] }), log(), "adopt"],
    ["that ends before the rows is a different log", memory(), log({ lastSequence: 60 }), "other"],
    [
      "with another event at a sequence is a different log",
      memory(),
      log({ ids: new Map([[100, "new"]]) }),
      "other"
    ],
    [
      "with another creation time and no remembered entry is a different log",
      memory(),
      log({ created: later, ids: new Map() }),
      "other"
    ]
  ])("%s", (_, remembered, now, verdict) => {
    assert.strictEqual(judgeLog(remembered, now)._tag, verdict)
  })
})

describe("a durable consumer", () => {
  it("is foreign rather than edited, and edited rather than free to claim", () => {
    const faults = ["max_deliver is 2"]
    assert.strictEqual(judgeDurable("a", undefined), "absent")
    assert.strictEqual(judgeDurable("a", { owner: "a", faults: [] }), "ours")
    assert.strictEqual(judgeDurable("a", { owner: undefined, faults: [] }), "claim")
    assert.strictEqual(judgeDurable("a", { owner: undefined, faults }), "edited")
    assert.strictEqual(judgeDurable("a", { owner: "b", faults }), "foreign")
  })
})

describe("a durable consumer with events in flight", () => {
  const deliveries = { inFlight: 247, requests: 1, deliveries: 900, finishedTo: 653 }

  it("is stalled since the first reading without a change", () => {
    const first = standstill(undefined, deliveries, 1_000)
    assert.strictEqual(first?.since, 1_000)
    assert.strictEqual(standstill(first, { ...deliveries, requests: 2 }, 9_000)?.since, 1_000)
  })

  it.each<readonly [string, Partial<typeof deliveries>]>([
    ["an event is delivered again", { deliveries: 901 }],
    ["an event is acknowledged out of order", { inFlight: 246 }],
    ["all events up to a sequence are acknowledged", { finishedTo: 654 }]
  ])("is not stalled when %s", (_, change) => {
    const first = standstill(undefined, deliveries, 1_000)
    assert.strictEqual(standstill(first, { ...deliveries, ...change }, 9_000)?.since, 9_000)
  })

  it("is not stalled when no event is in flight, or no process pulls events", () => {
    const first = standstill(undefined, deliveries, 1_000)
    assert.isUndefined(standstill(first, { ...deliveries, inFlight: 0 }, 9_000))
    assert.isUndefined(standstill(first, { ...deliveries, requests: 0 }, 9_000))
  })
})

describe("an account", () => {
  const progress = { checkpoint: 40, replayed_to: null, replays: 0 }

  it("moves the checkpoint when nothing is missing, and never back", () => {
    const counted = { position: 90, upTo: 90, missing: 0 }
    assert.deepStrictEqual(judgeAccount(progress, counted), { _tag: "level", checkpoint: 90 })
    assert.deepStrictEqual(judgeAccount({ ...progress, checkpoint: 95 }, counted), {
      _tag: "level",
      checkpoint: 95
    })
  })

  it("replays from the checkpoint, waits, replays everything, and then with growing delays", () => {
    const counted = { position: 90, upTo: 90, missing: 3 }
    assert.deepStrictEqual(judgeAccount(progress, counted), { _tag: "replay", after: 40, missing: 3 })
    const first = { ...progress, replayed_to: 90, replays: 1 }
    assert.deepStrictEqual(judgeAccount(first, { ...counted, position: 50 }), {
      _tag: "replaying",
      missing: 3
    })
    assert.deepStrictEqual(judgeAccount(first, counted), { _tag: "replay", after: 0, missing: 3 })
    assert.deepStrictEqual(judgeAccount({ ...first, replays: 2 }, counted), { _tag: "lost", missing: 3 })
    assert.deepStrictEqual([2, 3, 4, 30].map(patience), [30_000, 60_000, 120_000, 3_600_000])
  })
})

describe("a durable consumer that another program edits again and again", () => {
  it("is created again at once twice, and then after pauses of up to 30 seconds", () => {
    const pauses = [0, 1, 2, 3, 4, 5, 100].map((repairs) => pauseBefore(repairs, 30_000))
    assert.deepStrictEqual(pauses, [0, 0, 5_000, 10_000, 20_000, 30_000, 30_000])
  })
})
