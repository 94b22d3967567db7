import { assert, describe, it } from "@effect/vitest"
import { shareOut } from "../../src/OrderedGroup/Balance.ts"
import { Feed } from "../../src/OrderedGroup/Feed.ts"
import { partitionOf } from "../../src/OrderedGroup/Key.ts"

describe("a key's partition", () => {
  it("is what it always was", () => {
    const keys = ["", "qpr_01HXYZ789ABC", "Zürich", "🙂"]
    assert.deepStrictEqual(keys.map((key) => partitionOf(key, 1_000)), [261, 613, 984, 467])
  })

  it("is one of all, about evenly", () => {
    const counts = Array.from({ length: 16 }, () => 0)
    for (let index = 0; index < 16_000; index++) {
      const partition = partitionOf(`qpr_${index}`, 16)
      counts[partition] = (counts[partition] ?? 0) + 1
    }
    for (const count of counts) assert.closeTo(count, 1_000, 200)
  })
})

describe("sharing out", () => {
  const members = (...counts: ReadonlyArray<number>) =>
    new Map(counts.map((count, index) => [`m${index}`, count]))

  it("gives each free partition to one, so that all have the same or one more", () => {
    const counts = members(3, 0, 0)
    const shares = [...counts.keys()].map((id) => shareOut(counts, [3, 4, 5, 6, 7], 8, id))
    assert.deepStrictEqual(shares, [
      { keep: 3, claim: [] },
      { keep: 3, claim: [3, 4, 5] },
      { keep: 2, claim: [6, 7] }
    ])
  })

  it("takes from those who have too many, and leaves the others what they have", () => {
    const counts = members(4, 4, 0)
    const keeps = [...counts.keys()].map((id) => shareOut(counts, [], 8, id).keep)
    assert.deepStrictEqual(keeps, [3, 3, 2])
  })
})

describe("the feed of a member", () => {
  const events = (...places: ReadonlyArray<readonly [partition: number, sequence: number]>) =>
    places.map(([partition, sequence]) => [partition, { sequence, size: 1 }] as const)

  it("gives each partition its events in order, from where it begins, and says how far it is", () => {
    const feed = new Feed()
    feed.assign(0, 0)
    feed.assign(1, 2)
    assert.strictEqual(feed.after, 0)
    feed.offer(0, 5, events([0, 1], [1, 2], [0, 3], [1, 4], [7, 5]))
    assert.deepStrictEqual([feed.next(0)?.sequence, feed.next(1)?.sequence], [1, 4])
    feed.done(0)
    assert.deepStrictEqual([feed.next(0)?.sequence, feed.finishedTo(0)], [3, 2])
    feed.done(0)
    assert.deepStrictEqual([feed.next(0), feed.finishedTo(0), feed.finishedTo(1)], [undefined, 5, 3])
  })

  it("skips nothing of a partition that came while a reading was under way", () => {
    const feed = new Feed()
    feed.assign(0, 10)
    const after = feed.after ?? 0
    feed.assign(1, 0)
    feed.offer(after, 12, events([0, 11], [1, 12]))
    assert.deepStrictEqual([feed.next(0)?.sequence, feed.next(1), feed.after], [11, undefined, 0])
    feed.offer(0, 12, events([1, 5], [0, 11], [1, 12]))
    assert.deepStrictEqual([feed.next(1)?.sequence, feed.after], [5, 12])
  })

  it("reads on for the others when one partition is full, and catches it up later", () => {
    const feed = new Feed()
    feed.assign(0, 0)
    feed.assign(1, 0)
    const many = Array.from({ length: 200 }, (_, index) => [0, index + 1] as const)
    feed.offer(0, 201, events(...many, [1, 201]))
    assert.strictEqual(feed.after, 201)
    for (let sequence = 1; sequence <= 200; sequence++) {
      if (feed.next(0) === undefined || (feed.after ?? 0) < 201) {
        const after = feed.after ?? 0
        feed.offer(after, 201, events(...many.slice(after), [1, 201]))
      }
      assert.strictEqual(feed.next(0)?.sequence, sequence)
      feed.done(0)
    }
    assert.deepStrictEqual([feed.finishedTo(0), feed.next(1)?.sequence], [201, 201])
  })
})
