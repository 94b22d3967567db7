import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Layer, Option, Redacted } from "effect"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { ErasedIds } from "../../../src/EventLog/ErasedIds.ts"
import { AppendFailed, EventLog } from "../../../src/EventLog/EventLog.ts"
import { Ingress } from "../../../src/Ingress/Ingress.ts"
import * as Signature from "../../../src/Signature/Signature.ts"
import * as Memory from "../../support/MemoryLog.ts"
import { scanCreated, secret, signed } from "../../support/Webhook.ts"

const ingress = Ingress.layer(Signature.verifier([secret]))

const deliver = Effect.fnUntraced(function*(delivery: { body: Uint8Array; signature: string }) {
  return yield* (yield* Ingress).accept(delivery.body, delivery.signature)
})

const entryAt = Effect.fnUntraced(function*(sequence: number) {
  return Option.getOrThrow(yield* (yield* EventLog).get(sequence))
})

const lastSequence = Effect.gen(function*() {
  return (yield* (yield* EventLog).state).lastSequence
})

layer(ingress.pipe(Layer.provideMerge(Memory.layer())))("Ingress", (it) => {
  it.effect("stores a signed event under its type, byte for byte", () =>
    Effect.gen(function*() {
      const body =
        `{ "id":"evt_a",  "event":"scan.created","data":{"id":"scan_a","more":9007199254740993} }\n`
      assert.deepStrictEqual(
        yield* deliver(signed(body)),
        { ok: true, id: "evt_a", duplicate: false } as never
      )
      const entry = yield* entryAt(yield* lastSequence)
      assert.strictEqual(entry.subject, "3qpr.events.scan.created")
      assert.strictEqual(Buffer.from(entry.body).toString(), body)
      assert.strictEqual(entry.headers["Nats-Msg-Id"], "evt_a")
      assert.strictEqual(entry.headers["3qpr-signature"], signed(body).signature)
      assert.include(entry.headers, { "ce-specversion": "1.0", "ce-id": "evt_a", "ce-type": "scan.created" })
    }))

  it.effect("reports a repeated id as a duplicate and stores nothing", () =>
    Effect.gen(function*() {
      yield* deliver(signed(scanCreated("evt_b")))
      const before = yield* lastSequence
      const again = yield* deliver(signed(scanCreated("evt_b")))
      assert.deepStrictEqual(again, { ok: true, id: "evt_b", duplicate: true } as never)
      assert.strictEqual(yield* lastSequence, before)
    }))

  it.effect("keeps the first body of an id, and counts bodies that differ", () =>
    Effect.gen(function*() {
      const { conflicts } = yield* Ingress
      const first = scanCreated("evt_twice", { country: "CH" })
      yield* deliver(signed(first))
      const sequence = yield* lastSequence
      for (const body of [first, scanCreated("evt_twice", { country: "DE" }), first]) {
        assert.deepInclude(yield* deliver(signed(body)), { ok: true, duplicate: true })
      }
      yield* Effect.repeat(Effect.yieldNow, { until: () => conflicts().conflicts > 0 })
      assert.deepStrictEqual(conflicts(), { conflicts: 1, unchecked: 0 })
      assert.strictEqual(Buffer.from((yield* entryAt(sequence)).body).toString(), first)
      assert.strictEqual(yield* lastSequence, sequence)
    }))

  it.effect("compares only part of a wave of duplicates, and counts the others as unchecked", () =>
    Effect.gen(function*() {
      const { conflicts } = yield* Ingress
      const before = conflicts()
      yield* deliver(signed(scanCreated("evt_wave")))
      const other = signed(scanCreated("evt_wave", { country: "DE" }))
      yield* Effect.forEach(Array.from({ length: 1_000 }), () => deliver(other), { concurrency: "unbounded" })
      const seen = () => {
        const { conflicts: found, unchecked } = conflicts()
        return { found: found - before.conflicts, unchecked: unchecked - before.unchecked }
      }
      yield* Effect.repeat(Effect.yieldNow, { until: () => seen().found + seen().unchecked === 1_000 })
      assert.isAbove(seen().found, 0)
      assert.isAbove(seen().unchecked, 0)
    }))

  it.effect("stores an unknown type like any other", () =>
    Effect.gen(function*() {
      const receipt = yield* deliver(signed(`{"id":"evt_c","event":"invoice.paid","data":null}`))
      assert.deepStrictEqual(receipt, { ok: true, id: "evt_c", duplicate: false } as never)
      assert.strictEqual((yield* entryAt(yield* lastSequence)).subject, "3qpr.events.invoice.paid")
    }))

  it.effect("keeps signed garbage in quarantine under the hash of its bytes", () =>
    Effect.gen(function*() {
      const garbage = Uint8Array.of(0, 255, 13, 10)
      const receipt = yield* deliver(signed(garbage))
      assert.deepStrictEqual(receipt, { ok: true, id: null, duplicate: false, quarantined: "invalid_json" })
      const entry = yield* entryAt(yield* lastSequence)
      assert.strictEqual(entry.subject, "3qpr.quarantine.invalid_json")
      assert.strictEqual(
        entry.headers["Nats-Msg-Id"],
        `sha256:${createHash("sha256").update(garbage).digest("hex")}`
      )
      assert.deepStrictEqual([...entry.body], [...garbage])
    }))

  it.effect("keeps an event whose data is wrong in quarantine, once, and then stores its correction", () =>
    Effect.gen(function*() {
      const wrong = `{"id":"evt_d","event":"scan.created","data":{}}`
      const receipt = yield* deliver(signed(wrong))
      assert.deepStrictEqual(
        receipt,
        { ok: true, id: "evt_d", duplicate: false, quarantined: "invalid_data" } as never
      )
      const entry = yield* entryAt(yield* lastSequence)
      assert.strictEqual(entry.subject, "3qpr.quarantine.invalid_data")
      assert.include(entry.headers, {
        "Nats-Msg-Id": `sha256:${createHash("sha256").update(wrong).digest("hex")}`,
        "ce-id": "evt_d",
        "ce-type": "scan.created"
      })
      const again = yield* deliver(signed(wrong))
      assert.deepStrictEqual(again, { ...receipt, duplicate: true } as never)
      const corrected = yield* deliver(signed(scanCreated("evt_d")))
      assert.deepStrictEqual(corrected, { ok: true, id: "evt_d", duplicate: false } as never)
      const stored = yield* entryAt(yield* lastSequence)
      assert.strictEqual(stored.subject, "3qpr.events.scan.created")
      assert.include(stored.headers, { "Nats-Msg-Id": "evt_d", "ce-id": "evt_d" })
    }))

  it.effect("stores nothing that is unsigned, signed with another secret, or changed after signing", () =>
    Effect.gen(function*() {
      const before = yield* lastSequence
      const { body, signature } = signed(scanCreated("evt_e"))
      const accept = (yield* Ingress).accept
      const forged = Signature.sign(body, Redacted.make("whsec_of_another"))
      const changed = Buffer.from(body)
      changed[10] = (changed[10] ?? 0) ^ 1
      assert.deepStrictEqual(yield* accept(body, undefined), { ok: false, error: "missing_signature" })
      assert.deepStrictEqual(yield* accept(body, forged), { ok: false, error: "invalid_signature" })
      assert.deepStrictEqual(yield* accept(changed, signature), { ok: false, error: "invalid_signature" })
      assert.deepStrictEqual(yield* accept(body, `${signature}, ${signature}`), {
        ok: false,
        error: "ambiguous_signature"
      })
      assert.strictEqual(yield* lastSequence, before)
    }))
})

describe("Ingress that knows erased ids", () => {
  const erased = Layer.succeed(ErasedIds, {
    mayHave: (id) => id !== "evt_new",
    has: (id) => Effect.succeed(id !== "evt_similar")
  })

  it.effect("stores none of their events again, and every other event", () =>
    Effect.gen(function*() {
      const invalid = `{"id":"evt_invalid","event":"scan.created","data":{}}`
      for (const body of [scanCreated("evt_gone"), invalid]) {
        const { id } = JSON.parse(body)
        assert.deepStrictEqual(
          yield* deliver(signed(body)),
          { ok: true, id, duplicate: true, erased: true } as never
        )
      }
      assert.deepStrictEqual(
        yield* deliver(signed("no JSON")),
        { ok: true, id: null, duplicate: true, erased: true } as never
      )
      assert.strictEqual(yield* lastSequence, 0)
      for (const id of ["evt_new", "evt_similar"]) {
        assert.deepStrictEqual(
          yield* deliver(signed(scanCreated(id))),
          { ok: true, id, duplicate: false } as never
        )
      }
      assert.strictEqual(yield* lastSequence, 2)
    }).pipe(Effect.provide(ingress.pipe(Layer.provideMerge(Memory.layer()), Layer.provide(erased)))))
})

describe("Ingress on a log that cannot store", () => {
  const failing = Layer.mock(EventLog, {
    append: () => Effect.fail(new AppendFailed({ reason: "full", message: "no space" })),
    durability: "none",
    maxBodyBytes: 1_000_000
  })

  it.effect("fails, so that no caller regards the event as stored", () =>
    Effect.gen(function*() {
      const failure = yield* Effect.flip(deliver(signed(scanCreated("evt_f"))))
      assert.strictEqual(failure.reason, "full")
    }).pipe(Effect.provide(ingress.pipe(Layer.provide(failing)))))
})
