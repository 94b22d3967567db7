// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import * as Simulator from "../../../src/Provider/Simulator.ts"
import { client, consumer, type Holdings, nothing, take } from "../../support/Holdings.ts"
import { receiver } from "../../support/Receiver.ts"
import { secret } from "../../support/Webhook.ts"

type Change = (holdings: Holdings, simulation: Simulator.Simulation) => void

/** Runs against a good receiver, changes what the receiver holds, and compares. */
const compare = (change: Change, count = 300) => Effect.scoped(compared(change, count))

const compared = Effect.fnUntraced(function*(change: Change, count: number) {
  const holdings = nothing()
  const services = yield* Layer.build(client(holdings).pipe(Layer.provide(FetchHttpClient.layer)))
  const from = yield* Simulator.position.pipe(Effect.provideContext(services))
  const { arrivals, url } = yield* receiver()
  const simulation = yield* Simulator.start({
    url,
    secret,
    count,
    rate: 1_000,
    speed: 1_000,
    seed: "compared",
    faults: Simulator.faultNames
  })
  yield* simulation.finished
  assert.isTrue((yield* simulation.report).clean)
  take(holdings, arrivals)
  change(holdings, simulation)
  return yield* Simulator.verify(simulation, from).pipe(Effect.provideContext(services))
})

const clean = { checked: 300, lost: [], stored_twice: [], other_bytes: [], misfiled: [], forged_stored: [] }

/** Returns the value, or fails the test if there is none. */
const some = <A>(found: A | undefined): A => {
  if (found === undefined) throw new Error("there is none")
  return found
}

describe("the comparison after a simulated run", () => {
  it.live("finds nothing when everything is stored and projected, even beside events of other sources", () =>
    Effect.gen(function*() {
      const comparison = yield* compare(({ conversations, events, scans }) => {
        events.push({ ...some(events[0]), sequence: 9_999, sha256: "f".repeat(64), id: "evt_of_others" })
        scans.push({ ...some(scans[0]), id: "scan_of_others" })
        conversations.push({ ...some(conversations[0]), id: "conv_of_others", extra: 1 })
      })
      assert.deepStrictEqual(comparison.log, clean)
      assert.isAbove(comparison.scans.checked, 100)
      assert.isAbove(comparison.conversations.checked, 50)
      assert.strictEqual(comparison.projections, "caught up")
      assert.isTrue(comparison.clean)
    }))

  it.live("reports every kind of error in the log", () =>
    Effect.gen(function*() {
      const expected: Partial<Record<"lost" | "twice" | "changed" | "misfiled" | "forged", string>> = {}
      const { clean, log } = yield* compare((holdings, { ledger }) => {
        const { events } = holdings
        const [older, lost, twice, changed, misfiled] = events.filter((event) => event.quarantined === null)
        const forged = some(ledger.forged.find(({ fault }) => fault === "unsigned"))
        assert.strictEqual(older?.id, "evt_older")
        expected.lost = some(lost).id
        expected.twice = some(twice).id
        expected.changed = some(changed).id
        expected.misfiled = some(misfiled).id
        expected.forged = `sha256:${forged.sha256}`
        holdings.events = events.filter((event) => event !== lost).map((event) => {
          if (event === changed) return { ...event, sha256: "0".repeat(64) }
          return event === misfiled ? { ...event, type: "menu.opened" } : event
        })
        holdings.events.push({ ...some(twice), sequence: 8_000 })
        holdings.events.push({ ...some(twice), sequence: 8_001, id: "evt_forged", sha256: forged.sha256 })
      })
      assert.isFalse(clean)
      assert.deepStrictEqual({ ...log, lost: log.lost.toSorted() }, {
        checked: 300,
        lost: [some(expected.lost), some(expected.changed)].toSorted(),
        stored_twice: [some(expected.twice)],
        other_bytes: [some(expected.changed)],
        misfiled: [some(expected.misfiled)],
        forged_stored: [some(expected.forged)]
      })
    }))

  it.live("reports a body that was quarantined for another reason, and one that was stored as an event", () =>
    Effect.gen(function*() {
      const { log } = yield* compare((holdings) => {
        const bad = holdings.events.filter(({ quarantined }) => quarantined !== null)
        holdings.events = holdings.events.map((event) => {
          if (event === bad[0]) return { ...event, quarantined: "something_else" }
          return event === bad[1] ? { ...event, quarantined: null } : event
        })
      })
      assert.strictEqual(log.misfiled.length, 2)
    }))

  it.live("reports all events as lost if the log was created again", () =>
    Effect.gen(function*() {
      const { clean, log } = yield* compare((holdings) => void (holdings.created = "2026-03-21T00:00:00Z"))
      assert.deepStrictEqual([clean, log.lost.length], [false, 300])
    }))

  it.live("reports which rows are missing and which fields differ, at any depth", () =>
    Effect.gen(function*() {
      const ids: Partial<Record<"missing" | "elsewhere" | "conversation", string>> = {}
      const { clean, conversations, scans } = yield* compare((holdings) => {
        const [missing, elsewhere, hidden] = holdings.scans
        const conversation = some(holdings.conversations[0])
        Object.assign(ids, { missing: missing?.id, elsewhere: elsewhere?.id, conversation: conversation.id })
        holdings.hidden.add(some(hidden).id)
        holdings.scans = holdings.scans.slice(1).map((scan) =>
          scan === elsewhere ? { ...scan, city: "Atlantis", conversation_messages: 99, added: 1 } : scan
        )
        holdings.conversations[0] = { ...conversation, metadata: { ended_by: "a test" } }
      })
      assert.isFalse(clean)
      assert.deepStrictEqual(scans.missing, [some(ids.missing)])
      assert.deepStrictEqual(scans.differing, [
        { id: some(ids.elsewhere), fields: ["city", "conversation_messages"] }
      ])
      assert.deepStrictEqual(conversations.differing, [{ id: some(ids.conversation), fields: ["metadata"] }])
    }))

  it.live("waits while the projections make progress", () =>
    Effect.gen(function*() {
      let polls = 0
      const comparison = yield* compare((holdings) => {
        const { scans } = holdings
        holdings.scans = []
        holdings.onPoll = () => {
          polls++
          holdings.consumers = [consumer("scans-1", 4 - polls), consumer("conversations-1", 0)]
          if (polls === 4) holdings.scans = scans
        }
      })
      assert.deepStrictEqual([polls, comparison.projections, comparison.clean], [4, "caught up", true])
    }))

  it.effect("waits 15 seconds for projections without progress, and then compares anyway", () =>
    Effect.gen(function*() {
      let seconds = 0
      let firstPoll: number | undefined
      let lastPoll = 0
      const running = yield* Effect.forkChild(compare((holdings) => {
        holdings.consumers = [consumer("scans-1", 7)]
        holdings.onPoll = () => {
          firstPoll ??= seconds
          lastPoll = seconds
        }
      }, 100))
      const ended = Fiber.await(running)
      while (running.pollUnsafe() === undefined) {
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
        yield* TestClock.adjust(250)
        seconds += 0.25
      }
      const comparison = yield* Effect.flatten(ended)
      assert.match(
        comparison.projections,
        /^gave up waiting for scans-1, which has a lag of 7 and a consumer conv/
      )
      // The polls are answered in real time while the test clock advances, possibly far on a busy machine.
      const waited = lastPoll - some(firstPoll)
      assert.isTrue(waited >= 14 && waited < 40, `${waited} seconds`)
      assert.isAbove(comparison.scans.checked, 0)
      assert.isTrue(comparison.clean)
    }))
})
