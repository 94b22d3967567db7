// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Effect, Predicate, Redacted } from "effect"
import { Buffer } from "node:buffer"
import { decodeDelivery } from "../../../src/Domain/Decode.ts"
import { type FaultName, faultNames, faults } from "../../../src/Provider/Simulator/Faults.ts"
import * as Plan from "../../../src/Provider/Simulator/Plan.ts"
import * as Signature from "../../../src/Signature/Signature.ts"

const started = Date.parse("2026-03-20T12:00:00Z")

const planOf = (seed: string, chosen: Iterable<FaultName> = faultNames, at = started) =>
  Plan.make({ seed, started: at, rate: 100, faults: new Set(chosen) })

const events = (plan: Plan.Plan, count: number) =>
  Effect.forEach(Array.from({ length: count }, (_, index) => index), plan)

const field = (data: object, name: string) => Predicate.hasProperty(data, name) ? data[name] : undefined

/** A plan as text, without its functions. */
const shown = (planned: ReadonlyArray<Plan.Planned>) =>
  JSON.stringify(
    planned,
    (_, value: unknown) => value instanceof Uint8Array ? Buffer.from(value).toString() : value
  )

describe("the plan of a simulated run", () => {
  it.effect("is the same for the same seed, whatever the order and concurrency of requests for events", () =>
    Effect.gen(function*() {
      const inOrder = yield* events(planOf("a"), 600)
      const plan = planOf("a")
      const backwards = yield* Effect.forEach(inOrder.toReversed(), ({ index }) => plan(index), {
        concurrency: 7
      })
      assert.strictEqual(shown(backwards.toReversed()), shown(inOrder))
      assert.notStrictEqual(shown(yield* events(planOf("b"), 600)), shown(inOrder))
    }))

  it.effect("has the same types, places and faults in a run at another time of day, and only new ids", () =>
    Effect.gen(function*() {
      const first = yield* events(planOf("a"), 600)
      const second = yield* events(planOf("a", faultNames, started + 7 * 3_600_000), 600)
      const same = (planned: Plan.Planned) => ({
        type: planned.type,
        faults: planned.faults,
        due: planned.due,
        pause: planned.pause,
        repeats: planned.repeats,
        city: field(planned.data, "city"),
        device: field(planned.data, "device")
      })
      assert.deepStrictEqual(second.map(same), first.map(same))
      const bytes = new Set(first.map(({ bytes }) => Buffer.from(bytes).toString()))
      assert.strictEqual(bytes.size, 600)
      const ids = new Set(first.map(({ id }) => id))
      for (const planned of second) {
        assert.isFalse(planned.id !== null && ids.has(planned.id))
        assert.isFalse(bytes.has(Buffer.from(planned.bytes).toString()))
      }
    }))

  it.effect("has events that decode, and malformed ones that are quarantined for the stated reason", () =>
    Effect.gen(function*() {
      const reasons = new Set<string>()
      for (const planned of yield* events(planOf("a"), 3_000)) {
        const reading = decodeDelivery(planned.bytes)
        assert.strictEqual(reading.id, planned.id)
        if (planned.quarantined === null) {
          assert.strictEqual(reading._tag, "Event", Buffer.from(planned.bytes).toString())
          assert.strictEqual(reading.type, planned.type)
          assert.match(planned.id ?? "", /^evt_01[0-9A-HJKMNP-TV-Z]{24}$/)
        } else if (reading._tag === "Unusable") {
          assert.strictEqual(reading.reason, planned.quarantined)
          reasons.add(reading.reason)
        } else assert.fail(`${planned.id} is not an event`)
      }
      assert.deepStrictEqual([...reasons].toSorted(), ["invalid_data", "invalid_envelope", "invalid_json"])
    }))

  it.effect("applies each chosen fault to its share of the events, and no other fault", () =>
    Effect.gen(function*() {
      const count = 8_000
      const counts = new Map<string, number>()
      for (const { faults } of yield* events(planOf("shares"), count)) {
        for (const fault of faults) counts.set(fault, (counts.get(fault) ?? 0) + 1)
      }
      for (const name of faultNames) {
        const share = (counts.get(name) ?? 0) / count
        assert.isAbove(share, faults[name].share * 0.6, name)
        assert.isBelow(share, faults[name].share * 1.5, name)
      }
      for (const planned of yield* events(planOf("shares", []), 1_000)) {
        assert.deepStrictEqual(planned.faults, [])
        assert.deepStrictEqual([planned.pause, planned.repeats, planned.forgeries.length], [0, 0, 0])
        assert.strictEqual(planned.due, planned.index * 10)
        assert.isFalse(planned.answerLost)
        assert.isNull(planned.quarantined)
      }
    }))

  it.effect("ends each conversation once, after its scan, with the scan's code and messages", () =>
    Effect.gen(function*() {
      const planned = yield* events(planOf("a"), 2_500)
      const scans = new Map(planned.flatMap(({ scan }) => scan === null ? [] : [[scan.id, scan]]))
      const ended = new Set<unknown>()
      for (const { data, type } of planned) {
        if (type !== "conversation.completed") continue
        const id = field(data, "scan_id")
        const scan = scans.get(String(id))
        assert.isDefined(scan)
        assert.isFalse(ended.has(id))
        ended.add(id)
        assert.isTrue(scan?.conversation_started)
        assert.strictEqual(field(data, "qpr_code_id"), scan?.qpr_code_id)
        assert.strictEqual(field(data, "message_count"), scan?.conversation_messages)
        const times = [scan?.scanned_at, field(data, "started_at"), field(data, "completed_at")]
          .map((time) => Date.parse(String(time)))
        assert.isBelow(times[0] ?? NaN, times[1] ?? NaN)
        assert.isBelow(times[1] ?? NaN, times[2] ?? NaN)
        assert.isBelow(times[2] ?? NaN, started + 30_000)
      }
      const begun = [...scans.values()].filter((scan) => scan.conversation_started)
      assert.strictEqual(ended.size, begun.length)
      assert.closeTo(begun.length / scans.size, 0.74, 0.06)
      const messages = begun.reduce((sum, scan) => sum + scan.conversation_messages, 0)
      assert.closeTo(messages / begun.length, 5, 0.8)
      for (const scan of scans.values()) {
        const at = Date.parse(scan.scanned_at)
        assert.isTrue(at <= started + 30_000 && at >= started - 24 * 3_600_000, scan.scanned_at)
      }
    }))

  it.effect("has forgeries that no receiver with the right secret accepts", () =>
    Effect.gen(function*() {
      const secret = Redacted.make("whsec_right")
      const problemOf = Signature.verifier([secret])
      const kinds = new Set<string>()
      for (const { bytes, forgeries } of yield* events(planOf("a"), 1_000)) {
        for (const forgery of forgeries) {
          kinds.add(forgery.fault)
          const signature = forgery.signature(secret)
          assert.notDeepEqual(Buffer.from(forgery.bytes), Buffer.from(bytes))
          if (forgery.fault === "unsigned") assert.isUndefined(signature)
          else assert.strictEqual(problemOf(forgery.bytes, signature ?? ""), "invalid_signature")
          if (forgery.fault === "tampered") assert.isUndefined(problemOf(bytes, signature ?? ""))
        }
      }
      assert.deepStrictEqual([...kinds].toSorted(), ["old-secret", "tampered", "unsigned", "wrong-secret"])
    }))

  it.effect("delays events so that later ones overtake them, and sends bursts at once", () =>
    Effect.gen(function*() {
      for (const { due, faults, index } of yield* events(planOf("a", ["reordering"]), 500)) {
        if (faults.includes("reordering")) assert.isAtLeast(due, index * 10 + 30)
        else assert.strictEqual(due, index * 10)
      }
      const bursts = (yield* events(planOf("a", ["bursts"]), 500)).filter(({ faults }) =>
        faults.includes("bursts")
      )
      assert.isTrue(bursts.length >= 50 && bursts.length <= 200)
      assert.deepStrictEqual([...new Set(bursts.map(({ due }) => due))], [bursts[0]?.due])
    }))
})
