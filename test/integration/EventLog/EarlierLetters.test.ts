// Runs: broker

import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { DeadLetters } from "../../../src/EventLog/DeadLetters.ts"
import { deadLetterStream, deadSubject } from "../../../src/EventLog/Names.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { fill, letter, requestsOf, store, storedSubjects } from "../../support/LetterBroker.ts"
import { lettersOf } from "../../support/Letters.ts"
import { logOnBroker } from "../../support/Log.ts"
import { delivered } from "../../support/Specification.ts"
import { until } from "../../support/Until.ts"

/** Runs an effect in a process of this version that has not yet read the dead letters. */
const inNewProcess = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provide(effect, Layer.fresh(DeadLetters.layer))

const earlier = "3qpr.dead.crm.scan.created"
const subject = deadSubject(letter)
const later = "2026-03-20T16:00:00.000Z"
const { event } = delivered(letter.sequence, letter.eventId, "scan.created", {})

/** Deletes the stream of dead letters, and creates an empty one. */
const createAgain = Effect.gen(function*() {
  const { connection } = yield* Nats
  yield* Effect.promise(async () => {
    const { streams } = await connection.jetstreamManager({ checkAPI: false })
    const { config } = await streams.info(deadLetterStream)
    await streams.delete(deadLetterStream)
    await streams.add(config)
  })
})

describe("a dead letter of an earlier version", () => {
  it.live("is found by its id, by its event and in the list, with all of its fields", () =>
    Effect.gen(function*() {
      yield* store(earlier, { attempts: 3, lastFailedAt: later })
      yield* store(earlier, { sequence: 8, eventId: "evt 8*" })
      yield* store("3qpr.dead.other.unknown", { consumer: "other", type: "no subject" })
      const found = yield* inNewProcess(Effect.gen(function*() {
        const { bodyOf, find } = yield* DeadLetters
        const found = Option.getOrThrow(yield* find("crm:7"))
        return { ...found, body: Option.getOrThrow(yield* bodyOf(found)) }
      }))
      assert.deepInclude(found, {
        ...letter,
        attempts: 3,
        lastFailedAt: later,
        headers: { "ce-id": "evt_7" }
      })
      assert.strictEqual(new TextDecoder().decode(found.body), `{"id":"evt_7"}`)
      const ofEvent = yield* inNewProcess(Effect.flatMap(DeadLetters, ({ of }) => of({ eventId: "evt 8*" })))
      assert.deepStrictEqual(ofEvent.map(({ id }) => id), ["crm:8"])
      const all = yield* inNewProcess(lettersOf())
      assert.sameMembers(all.map(({ id }) => id), ["crm:7", "crm:8", "other:7"])
      assert.deepInclude(all.find(({ consumer }) => consumer === "other"), { type: "no subject" })
      const subjects = yield* storedSubjects
      assert.strictEqual(subjects.length, 3)
      assert.include(subjects, subject)
      assert.isTrue(subjects.every((one) => /^3qpr\.dead\.\w+\.\d+\./.test(one)))
    }).pipe(Effect.provide(logOnBroker)))

  it.live("is found in a stream that was created again, although its place was checked in the first one", () =>
    Effect.gen(function*() {
      yield* fill(1, 20, {})
      const found = yield* inNewProcess(Effect.gen(function*() {
        const { find, page } = yield* DeadLetters
        yield* page({ limit: 1 })
        yield* createAgain
        yield* store(earlier)
        return yield* find("crm:7")
      }))
      assert.isTrue(Option.isSome(found))
      assert.deepStrictEqual(yield* storedSubjects, [subject])
    }).pipe(Effect.provide(logOnBroker)))

  it.live("is moved when it has the maximum size of a message", () =>
    Effect.gen(function*() {
      const { connection } = yield* Nats
      const largest = connection.info?.max_payload ?? 0
      // Leaves no byte for a further header.
      yield* store(earlier, { error: "x".repeat(200) }, "x".repeat(largest - 576))
      const [large] = yield* inNewProcess(lettersOf())
      assert.strictEqual(large?.size, largest - 576 + 14)
      assert.match(large?.error ?? "", /^x+$/)
      assert.deepStrictEqual(yield* storedSubjects, [subject])
    }).pipe(Effect.provide(logOnBroker)))

  it.live("is moved when a process starts, before any request for it", () =>
    Effect.gen(function*() {
      yield* store(earlier)
      yield* until("the letter is moved", storedSubjects, (subjects) => subjects.join() === subject).pipe(
        Effect.provide(Layer.fresh(DeadLetters.layerMoving))
      )
    }).pipe(Effect.provide(logOnBroker)))

  it.live("is stored under its new subject before the earlier message is deleted, and once after a kill in between", () =>
    Effect.gen(function*() {
      yield* store(earlier, { attempts: 2 })
      const requests = yield* requestsOf(inNewProcess(lettersOf()))
      const stored = requests.indexOf(subject)
      const removed = requests.findIndex((one) => one.startsWith("$JS.API.STREAM.MSG.DELETE"))
      assert.isAbove(stored, -1)
      assert.isAbove(removed, stored)
      // Simulates a process that was killed before it deleted the earlier message.
      yield* store(earlier, { attempts: 2 })
      const [left, ...others] = yield* inNewProcess(lettersOf())
      assert.deepStrictEqual(others, [])
      assert.deepInclude(left, { attempts: 2, error: "broken" })
      assert.deepStrictEqual(yield* storedSubjects, [subject])
    }).pipe(Effect.provide(logOnBroker)))

  it.live("of a running process of that version is merged with that of this version", () =>
    inNewProcess(Effect.gen(function*() {
      const { find, put, remove } = yield* DeadLetters
      yield* store(subject)
      yield* store(earlier, { attempts: 2, lastFailedAt: later, error: "later" })
      const [both, ...others] = yield* lettersOf()
      assert.deepStrictEqual(others, [])
      assert.deepInclude(both, { attempts: 2, firstFailedAt: letter.firstFailedAt, error: "later" })
      yield* store(earlier, { attempts: 3, firstFailedAt: letter.firstFailedAt, lastFailedAt: later })
      yield* put("crm", event, "here")
      const again = Option.getOrThrow(yield* find("crm:7"))
      assert.deepInclude(again, { attempts: 4, firstFailedAt: letter.firstFailedAt, error: "here" })
      assert.deepStrictEqual(yield* storedSubjects, [subject])
      yield* store(earlier, { attempts: 3 })
      yield* remove([again])
      assert.deepStrictEqual(yield* storedSubjects, [])
    })).pipe(Effect.provide(logOnBroker)))
})

describe("a dead letter whose process ended before it deleted the previous message", () => {
  it.live("is listed once, with the last error", () =>
    Effect.gen(function*() {
      yield* store(subject)
      yield* store(subject, { attempts: 2, lastFailedAt: later, error: "later" })
      const [last, ...others] = yield* inNewProcess(lettersOf())
      assert.deepStrictEqual(others, [])
      assert.deepInclude(last, { attempts: 2, error: "later" })
      assert.deepStrictEqual(yield* storedSubjects, [subject])
    }).pipe(Effect.provide(logOnBroker)))
})
