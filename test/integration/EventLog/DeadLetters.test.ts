// Runs: broker

import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { Buffer } from "node:buffer"
import { AdminClient } from "../../../src/Admin/Client.ts"
import { DeadLetters } from "../../../src/EventLog/DeadLetters.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { append, listenerAndClient } from "../../support/DeadLetters.ts"
import { lettersOf } from "../../support/Letters.ts"
import { poll } from "../../support/Until.ts"

const list = (query: Parameters<AdminClient["Service"]["deadLetters"]["list"]>[0]["query"]) =>
  Effect.flatMap(AdminClient, ({ deadLetters }) => deadLetters.list({ query }))

const idsOf = ({ dead_letters }: { readonly dead_letters: ReadonlyArray<{ readonly id: string }> }) =>
  dead_letters.map(({ id }) => id)

const fail = Effect.fnUntraced(function*(consumer: string, id: string, error: string, type?: string) {
  const event = yield* append(id, `{"id":"${id}"}`, type)
  yield* (yield* DeadLetters).put(consumer, event, error)
  return event
})

layer(listenerAndClient, { excludeTestServices: true })("the private listener on dead letters", (it) => {
  it.effect("lists the last failure first, page by page", () =>
    Effect.gen(function*() {
      for (const index of [1, 2, 3, 4, 5]) yield* fail("paged", `evt_${index}`, `error ${index}`)
      const first = yield* list({ consumer: "paged", limit: 2 })
      assert.deepStrictEqual(first.dead_letters.map(({ event_id }) => event_id), ["evt_5", "evt_4"])
      assert.deepStrictEqual([first.total, first.more], [5, true])
      const second = yield* list({ consumer: "paged", limit: 3, before: first.cursor })
      assert.deepStrictEqual(second.dead_letters.map(({ event_id }) => event_id), ["evt_3", "evt_2", "evt_1"])
      assert.isFalse(second.more)
      assert.deepStrictEqual(idsOf(yield* list({ consumer: "paged", before: second.cursor })), [])
    }))

  it.effect("lists those that match a consumer, a type, an error or a time", () =>
    Effect.gen(function*() {
      const { sequence: a } = yield* fail("sifted", "evt_a", "Unsupported Unicode")
      yield* Effect.sleep(20)
      const between = new Date().toISOString()
      yield* Effect.sleep(20)
      const { sequence: b } = yield* fail("sifted", "evt_b", "out of range", "menu.opened")
      yield* fail("other", "evt_c", "unicode")
      const [idA, idB] = [`sifted:${a}`, `sifted:${b}`]
      assert.deepStrictEqual(idsOf(yield* list({ consumer: "sifted" })), [idB, idA])
      assert.deepStrictEqual(idsOf(yield* list({ consumer: "sifted", error: "UNICODE" })), [idA])
      assert.deepStrictEqual(idsOf(yield* list({ type: "menu.opened" })), [idB])
      assert.deepStrictEqual(idsOf(yield* list({ consumer: "sifted", since: between })), [idB])
      assert.deepStrictEqual(idsOf(yield* list({ consumer: "sifted", until: between })), [idA])
    }))

  it.effect("keeps one for a consumer and an event: the last failure, all attempts, the first time", () =>
    Effect.gen(function*() {
      const deadLetters = yield* DeadLetters
      const before = yield* deadLetters.count
      const event = yield* fail("again", "evt_again", "first error")
      const { dead_letters: [first] } = yield* list({ consumer: "again" })
      yield* Effect.sleep(5)
      yield* deadLetters.put("again", event, "second error")
      const { dead_letters: [second, ...others] } = yield* list({ consumer: "again" })
      assert.deepStrictEqual(others, [])
      assert.deepInclude(second, { error: "second error", attempts: 2 })
      assert.strictEqual(second?.first_failed_at, first?.first_failed_at)
      assert.isAbove(Date.parse(second?.last_failed_at ?? ""), Date.parse(first?.last_failed_at ?? ""))
      assert.strictEqual(yield* deadLetters.count, before + 1)
    }))

  it.effect("keeps one when another process dead-letters the same event, and starts at one attempt after a discard", () =>
    Effect.gen(function*() {
      const mine = yield* DeadLetters
      const others = Context.get(yield* Layer.build(Layer.fresh(DeadLetters.layer)), DeadLetters)
      const event = yield* fail("shared", "evt_shared", "by the first process")
      const letters = Effect.map(
        lettersOf({ consumer: "shared" }),
        (all) => all.map(({ attempts, error }) => [error, attempts])
      )
      yield* others.put("shared", event, "by the second process")
      assert.deepStrictEqual(yield* letters, [["by the second process", 2]])
      yield* mine.put("shared", event, "by the first process again")
      assert.deepStrictEqual(yield* letters, [["by the first process again", 3]])
      const before = yield* mine.count
      yield* others.remove(yield* lettersOf({ consumer: "shared" }))
      yield* mine.put("shared", event, "after a discard")
      assert.deepStrictEqual(yield* letters, [["after a discard", 1]])
      assert.strictEqual(yield* mine.count, before)
    }))

  it.effect("needs a bounded number of broker messages for each, however many there are", () =>
    Effect.gen(function*() {
      const { put } = yield* DeadLetters
      const { connection } = yield* Nats
      const event = yield* append("evt_costly", `{}`)
      const putAll = (from: number, to: number) =>
        Effect.forEach(
          Array.from({ length: to - from }, (_, at) => 5_000 + from + at),
          (sequence) => put("costly", { ...event, sequence }, "error"),
          { concurrency: 4, discard: true }
        )
      yield* putAll(0, 300)
      const before = connection.stats().inMsgs
      yield* putAll(300, 320)
      assert.isBelow(connection.stats().inMsgs - before, 20 * 15)
      assert.strictEqual((yield* lettersOf({ consumer: "costly" })).length, 320)
    }))

  it.effect("shows one with its error in one line, its bytes and its headers from the log", () =>
    Effect.gen(function*() {
      const { deadLetters } = yield* AdminClient
      const { sequence } = yield* fail("shown", "evt_shown", "one\n\u001b[31mtwo")
      const letter = yield* deadLetters.get({ params: { id: `shown:${sequence}` } })
      assert.deepInclude(letter, {
        id: `shown:${sequence}`,
        event_id: "evt_shown",
        type: "scan.created",
        subject: "3qpr.events.scan.created",
        error: "one [31mtwo",
        attempts: 1,
        size: 18,
        signature: `sha256=${"0".repeat(64)}`
      })
      assert.strictEqual(Buffer.from(letter.body_base64, "base64").toString(), `{"id":"evt_shown"}`)
      assert.deepStrictEqual(Object.keys(letter.headers), ["ce-id", "ce-type", "3qpr-signature"])
    }))

  it.effect("reports an unknown dead letter as not found", () =>
    Effect.gen(function*() {
      const { deadLetters } = yield* AdminClient
      for (const id of ["unknown:1", "nonsense", "a.b:1", "*:1"]) {
        const problem = yield* Effect.flip(deadLetters.get({ params: { id } }))
        assert.strictEqual(problem._tag, "NotFound", id)
      }
    }))

  it.effect("keeps an event of the largest size that the log accepts, with a shortened error", () =>
    Effect.gen(function*() {
      const event = yield* append("evt_large", `{"id":"evt_large"}`)
      const body = new Uint8Array(1_048_576 - 2_048)
      yield* (yield* DeadLetters).put("large", { ...event, body }, "x".repeat(5_000))
      const { dead_letters: [letter] } = yield* list({ consumer: "large" })
      assert.strictEqual(letter?.size, body.length)
      assert.match(letter?.error ?? "", /^x{100,2000}$/)
    }))

  it.effect("can be listed during their removal", () =>
    Effect.gen(function*() {
      const { put, remove } = yield* DeadLetters
      const event = yield* append("evt_removed", `{}`)
      for (let round = 0; round < 5; round++) {
        for (let at = 0; at < 20; at++) yield* put("removed", { ...event, sequence: 1_000 + at }, "error")
        const letters = yield* lettersOf({ consumer: "removed" })
        assert.strictEqual(letters.length, 20)
        yield* Effect.all([
          Effect.forEach(letters, (letter) => remove([letter]), { discard: true }),
          poll(lettersOf({ consumer: "removed" }), (letters) => letters.length === 0)
        ], { concurrency: 2 })
      }
    }))
})
