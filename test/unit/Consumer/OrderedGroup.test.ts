import { assert, describe, it } from "@effect/vitest"
import { assignPartitions } from "../../../src/Consumer/OrderedGroup/Assignment.ts"
import type { Revised } from "../../../src/Consumer/OrderedGroup/GroupRecords.ts"
import { partitionOf } from "../../../src/Consumer/OrderedGroup/Key.ts"
import { LeaseClock } from "../../../src/Consumer/OrderedGroup/LeaseClock.ts"
import { MemberState } from "../../../src/Consumer/OrderedGroup/MemberState.ts"
import { PartitionBuffer } from "../../../src/Consumer/OrderedGroup/PartitionBuffer.ts"
import { PartitionScheduler } from "../../../src/Consumer/OrderedGroup/PartitionScheduler.ts"
import type { Sign } from "../../../src/Consumer/OrderedGroup/Silence.ts"

describe("a key's partition", () => {
  it("stays the same across versions", () => {
    const keys = ["", "qpr_01HXYZ789ABC", "Zürich", "🙂"]
    assert.deepStrictEqual(keys.map((key) => partitionOf(key, 1_000)), [261, 613, 984, 467])
  })

  it("is distributed about evenly", () => {
    const counts = Array.from({ length: 16 }, () => 0)
    for (let index = 0; index < 16_000; index++) {
      const partition = partitionOf(`qpr_${index}`, 16)
      counts[partition] = (counts[partition] ?? 0) + 1
    }
    for (const count of counts) assert.closeTo(count, 1_000, 200)
  })
})

describe("the assignment of partitions", () => {
  const members = (...counts: ReadonlyArray<number>) =>
    new Map(counts.map((count, index) => [`m${index}`, count]))

  it("gives each free partition to one member, so that members differ by at most one partition", () => {
    const counts = members(3, 0, 0)
    const shares = [...counts.keys()].map((id) => assignPartitions(counts, [3, 4, 5, 6, 7], 8, id))
    assert.deepStrictEqual(shares, [
      { keep: 3, claim: [] },
      { keep: 3, claim: [3, 4, 5] },
      { keep: 2, claim: [6, 7] }
    ])
  })

  it("takes partitions from members with too many, and does not move others", () => {
    const counts = members(4, 4, 0)
    const keeps = [...counts.keys()].map((id) => assignPartitions(counts, [], 8, id).keep)
    assert.deepStrictEqual(keeps, [3, 3, 2])
  })
})

describe("the buffer of a member", () => {
  const events = (...places: ReadonlyArray<readonly [partition: number, sequence: number]>) =>
    places.map(([partition, sequence]) => [partition, { sequence, size: 1 }] as const)

  it("returns each partition's events in order from its start, and reports its progress", () => {
    const buffer = new PartitionBuffer()
    buffer.assign(0, 0)
    buffer.assign(1, 2)
    assert.strictEqual(buffer.after, 0)
    buffer.offer(0, 5, events([0, 1], [1, 2], [0, 3], [1, 4], [7, 5]))
    assert.deepStrictEqual([buffer.next(0)?.sequence, buffer.next(1)?.sequence], [1, 4])
    buffer.done(0)
    assert.deepStrictEqual([buffer.next(0)?.sequence, buffer.finishedTo(0)], [3, 2])
    buffer.done(0)
    assert.deepStrictEqual([buffer.next(0), buffer.finishedTo(0), buffer.finishedTo(1)], [undefined, 5, 3])
  })

  it("skips no event of a partition that was assigned during a read", () => {
    const buffer = new PartitionBuffer()
    buffer.assign(0, 10)
    const after = buffer.after ?? 0
    buffer.assign(1, 0)
    buffer.offer(after, 12, events([0, 11], [1, 12]))
    assert.deepStrictEqual([buffer.next(0)?.sequence, buffer.next(1), buffer.after], [11, undefined, 0])
    buffer.offer(0, 12, events([1, 5], [0, 11], [1, 12]))
    assert.deepStrictEqual([buffer.next(1)?.sequence, buffer.after], [5, 12])
  })

  it("continues to read for other partitions when one is full, and catches that one up later", () => {
    const buffer = new PartitionBuffer()
    buffer.assign(0, 0)
    buffer.assign(1, 0)
    const many = Array.from({ length: 200 }, (_, index) => [0, index + 1] as const)
    buffer.offer(0, 201, events(...many, [1, 201]))
    assert.strictEqual(buffer.after, 201)
    for (let sequence = 1; sequence <= 200; sequence++) {
      if (buffer.next(0) === undefined || (buffer.after ?? 0) < 201) {
        const after = buffer.after ?? 0
        buffer.offer(after, 201, events(...many.slice(after), [1, 201]))
      }
      assert.strictEqual(buffer.next(0)?.sequence, sequence)
      buffer.done(0)
    }
    assert.deepStrictEqual([buffer.finishedTo(0), buffer.next(1)?.sequence], [201, 201])
  })
})

/** A member that owns partition 0, and the store that it writes to. */
const owning = () => {
  const member = new MemberState({ id: "m", partitions: 1, lease: 1_000, after: 0 })
  const store = { now: 0, revision: 0, partitions: new Map<number, Revised>() }
  const look = () => {
    const heartbeat = { sentAt: store.now += 200, revision: ++store.revision }
    const members = new Map([["m", heartbeat]])
    return member.look(store.now, { members, partitions: new Map(store.partitions) }, heartbeat)
  }
  const write = (actions: ReturnType<typeof look>) => {
    for (const action of actions) {
      if (action._tag === "Forget") continue
      const { partition, record } = action
      if ((store.partitions.get(partition)?.revision ?? 0) !== action.expected) member.refused(action)
      else {
        store.partitions.set(partition, { revision: ++store.revision, record })
        member.wrote(action, store.revision)
      }
    }
  }
  write(look())
  return { member, store, look, write, mayBegin: () => member.mayBegin(0, store.now) }
}

describe("a member of a group", () => {
  it("begins no event after a refused write until it reads a newer record, and reports that after a lease", () => {
    const { look, mayBegin, member, store, write } = owning()
    assert.isTrue(mayBegin())
    const owned = member.owned.get(0)
    const written = store.partitions.get(0)
    if (owned === undefined || written === undefined) return assert.fail("nothing is owned")
    owned.done = 7
    // As in a restored bucket: the same record with an older revision.
    store.partitions.set(0, { ...written, revision: 1 })
    write(look())
    for (let index = 0; index < 4; index++) {
      write(look())
      assert.isFalse(mayBegin())
    }
    assert.isUndefined(member.trouble)
    write(look())
    assert.match(member.trouble ?? "", /partitions 0 differ from those .* none of their events is handled/)
    store.partitions.set(0, { ...written, revision: ++store.revision })
    write(look())
    assert.isUndefined(member.trouble)
    assert.isTrue(mayBegin())
  })

  it("begins no event of a partition whose record was purged, and reports that after a lease", () => {
    const { look, mayBegin, member, store } = owning()
    store.partitions.clear()
    look()
    assert.isTrue(mayBegin(), "one reading can miss a record")
    for (let index = 0; index < 6; index++) look()
    assert.isFalse(mayBegin())
    assert.match(member.trouble ?? "", /partitions 0 are missing from the group's bucket/)
  })

  it("has nothing to release when its records are purged for a lease, or while it is halted", () => {
    const { look, member, store } = owning()
    store.partitions.clear()
    member.leave()
    for (let index = 0; index < 6; index++) {
      assert.isTrue(member.hasToRelease, `after ${index} looks`)
      look()
    }
    assert.isFalse(member.hasToRelease)
    const another = owning().member
    assert.isTrue(another.hasToRelease)
    another.halt("the bucket is deleted")
    assert.isFalse(another.hasToRelease)
  })

  it("begins and writes nothing while it is halted, and renews its partitions before it continues", () => {
    const { look, mayBegin, member, write } = owning()
    member.halt("the log is not the one")
    assert.deepStrictEqual(look(), [])
    assert.isFalse(mayBegin())
    member.halt(undefined)
    const actions = look()
    assert.isFalse(mayBegin())
    write(actions)
    assert.isTrue(mayBegin())
  })

  it("judges each member by the lease in that member's heartbeat", () => {
    const { member, store } = owning()
    const partitions = new Map([[0, { revision: 50, record: { owner: "slow", token: 50, checkpoint: 0 } }]])
    for (let index = 0; index < 40; index++) {
      const own = { sentAt: store.now += 200, revision: 100 + index }
      const members = new Map<string, Sign>([["m", own], ["slow", { revision: 49, lease: 7_000 }]])
      const actions = member.look(store.now, { members, partitions }, own)
      assert.strictEqual(actions.some(({ _tag }) => _tag === "Claim"), index >= 35, `after ${index * 200} ms`)
    }
  })
})

describe("a redrive", () => {
  it("runs next on a partition that always has a pending event", () => {
    const { member, store } = owning()
    const scheduler = new PartitionScheduler(member)
    scheduler.align()
    scheduler.buffer.offer(
      0,
      9,
      Array.from({ length: 9 }, (_, index) => [0, { sequence: index + 1, size: 1 }])
    )
    const [first] = scheduler.begin(store.now)
    assert.isUndefined(scheduler.borrow(0, store.now))
    scheduler.reserve(0, store.now + 100)
    if (first === undefined) return assert.fail("nothing has begun")
    scheduler.end(first, { _tag: "Done" })
    assert.deepStrictEqual(scheduler.begin(store.now), [])
    const redrive = scheduler.borrow(0, store.now)
    if (redrive === undefined) return assert.fail("the redrive did not begin")
    scheduler.end(redrive, { _tag: "Done" })
    assert.deepStrictEqual(scheduler.begin(store.now).map(({ event }) => event?.sequence), [2])
  })

  it("loses its reservation to the next event if it does not begin in time", () => {
    const { member, store } = owning()
    const scheduler = new PartitionScheduler(member)
    scheduler.align()
    scheduler.buffer.offer(0, 1, [[0, { sequence: 1, size: 1 }]])
    scheduler.reserve(0, store.now + 100)
    assert.strictEqual(scheduler.begin(store.now + 99).length, 0)
    assert.strictEqual(scheduler.begin(store.now + 100).length, 1)
  })
})

describe("the clock of leases", () => {
  it("advances while the machine is suspended, and never runs backwards", () => {
    const clocks = { monotonic: 1_000, wall: 50_000 }
    const { now } = new LeaseClock(() => clocks.monotonic, () => clocks.wall)
    const pass = (monotonic: number, wall: number) => {
      clocks.monotonic += monotonic
      clocks.wall += wall
      return now()
    }
    assert.strictEqual(pass(10, 10), 1_010)
    assert.strictEqual(pass(0, 5_000), 6_010, "suspended")
    assert.strictEqual(pass(10, 10), 6_020)
    assert.strictEqual(pass(10, -3_600_000), 6_030, "the wall clock was set back")
    assert.strictEqual(pass(10, 10), 6_040)
    assert.strictEqual(pass(0, 3_000), 9_040, "suspended after that")
    assert.strictEqual(pass(100, 150), 9_140, "adjusted")
  })
})
