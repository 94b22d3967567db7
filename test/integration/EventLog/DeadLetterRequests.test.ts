// Runs: broker

import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { DeadLetters, mostLookedAt } from "../../../src/EventLog/DeadLetters.ts"
import type { AppendFailed, ReadFailed } from "../../../src/EventLog/EventLog.ts"
import { fill, requestsOf } from "../../support/LetterBroker.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { delivered } from "../../support/Specification.ts"

/** The number of requests of each operation, in a process that has already read the dead letters. */
const requests = Effect.fnUntraced(function*(sequence: number) {
  const { countOf, find, of, page, put, remove } = yield* DeadLetters
  const known = `crm:${sequence - 1}`
  const { event } = delivered(sequence, `evt_${sequence}`, "scan.created", {})
  yield* page({ limit: 1 })
  const asked: Readonly<Record<string, Effect.Effect<unknown, AppendFailed | ReadFailed>>> = {
    put: put("crm", event, "first"),
    putAgain: put("crm", event, "second"),
    find: find(known),
    findNone: find("crm:999999"),
    ofEvent: of({ eventId: `evt_${sequence}` }),
    page: page({ limit: 5 }),
    pageOfConsumer: page({ limit: 5, consumer: "crm" }),
    pageOfType: page({ limit: 5, type: "scan.created" }),
    count: countOf("crm"),
    remove: Effect.flatMap(of({ eventId: `evt_${sequence}` }), remove)
  }
  const counts: Record<string, number> = {}
  for (const [name, effect] of Object.entries(asked)) counts[name] = (yield* requestsOf(effect)).length
  return counts
})

layer(consumersOnBroker, { excludeTestServices: true })("the requests for dead letters", (it) => {
  it.effect("do not grow from 10 to 1,000 dead letters", () =>
    Effect.gen(function*() {
      const { page } = yield* DeadLetters
      assert.deepInclude(yield* page({ limit: 5 }), { letters: [], total: 0, more: false })
      yield* fill(1, 10, {})
      const few = yield* requests(11)
      yield* fill(12, 1_001, {})
      const many = yield* requests(1_002)
      assert.deepStrictEqual(many, few)
      assert.isAtMost(many["put"] ?? Infinity, 3)
      assert.strictEqual(many["find"], 1)
    }))

  it.effect("are bounded for a page whose filter matches no dead letter, and its cursor continues", () =>
    Effect.gen(function*() {
      const { page } = yield* DeadLetters
      yield* fill(1, 2, { consumer: "rare", error: "seldom" })
      yield* fill(3, mostLookedAt + 100, { consumer: "rare" })
      const filter = { consumer: "rare", error: "seldom", limit: 5 }
      const first = yield* page(filter)
      assert.isAtMost((yield* requestsOf(page(filter))).length, 60)
      assert.deepStrictEqual([first.letters, first.total, first.more], [[], undefined, true])
      const second = yield* page({ ...filter, before: first.cursor })
      assert.deepStrictEqual(second.letters.map(({ id }) => id), ["rare:2", "rare:1"])
      assert.isFalse(second.more)
    }))

  it.effect("find each dead letter that matches an error once, page by page", () =>
    Effect.gen(function*() {
      const { page } = yield* DeadLetters
      for (let sequence = 1; sequence <= 9; sequence++) {
        const error = sequence % 3 === 0 ? "third" : "other"
        yield* fill(sequence, sequence, { consumer: "paged", error })
      }
      const found: Array<string> = []
      let before: number | undefined
      for (let more = true; more;) {
        const next = yield* page({ consumer: "paged", error: "third", limit: 1, before })
        found.push(...next.letters.map(({ id }) => id))
        before = next.cursor
        more = next.more
      }
      assert.deepStrictEqual(found, ["paged:9", "paged:6", "paged:3"])
    }))
})
