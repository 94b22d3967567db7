// Runs: broker

import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Layer, Option, Stream } from "effect"
import { HttpServer } from "effect/http"
import { Buffer } from "node:buffer"
import { AdminClient } from "../../../src/Admin/Client.ts"
import { Consumers } from "../../../src/Consumer/Consumer.ts"
import { ack } from "../../../src/Consumer/Outcome.ts"
import { DeadLetters } from "../../../src/EventLog/DeadLetters.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import { redriveStream, stream } from "../../../src/EventLog/Names.ts"
import { Operations } from "../../../src/EventLog/Operations.ts"
import * as Discard from "../../../src/Jobs/Operations/Discard.ts"
import * as Runner from "../../../src/Jobs/Operations/Runner.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { setClockBack } from "../../support/Clock.ts"
import { postgres } from "../../support/Databases.ts"
import { append, listenerAndClient } from "../../support/DeadLetters.ts"
import { send } from "../../support/Http.ts"
import { lettersOf } from "../../support/Letters.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { consumerOf, untilDead, untilDone } from "../../support/Redrive.ts"
import { poll, until } from "../../support/Until.ts"

const api = Effect.map(AdminClient, ({ deadLetters }) => deadLetters)

const lastSequence = Effect.flatMap(EventLog, ({ state }) => Effect.map(state, (state) => state.lastSequence))

const streams = Effect.flatMap(
  Nats,
  ({ connection }) => Effect.promise(async () => (await connection.jetstreamManager()).streams)
)

/** Deletes an event, as retention does. */
const expire = (sequence: number) =>
  Effect.flatMap(streams, (streams) => Effect.promise(() => streams.deleteMessage(stream, sequence)))

const pending = Effect.flatMap(
  streams,
  (streams) => Effect.promise(async () => (await streams.info(redriveStream)).state.messages)
)

/** Waits until each request is acked. The outcome of an event is recorded before that. */
const noRequest = until("no request", pending, (count) => count === 0)

const outcomesOf = (id: string) =>
  Effect.flatMap(AdminClient, ({ operations }) => operations.outcomes({ params: { id }, query: {} })).pipe(
    Effect.map(({ outcomes }) => outcomes.map(({ error, id, result }) => ({ id, result, error })))
  )

layer(listenerAndClient, { excludeTestServices: true })("a redrive", (it) => {
  it.effect("delivers the event to its consumer again, removes the dead letter and publishes nothing", () =>
    Effect.gen(function*() {
      const { redrive } = yield* api
      const { start, state } = yield* consumerOf("fixed", "fixed.one")
      yield* start
      yield* append("good", `{}`, "fixed.one")
      yield* append("poison", `{"a":1}`, "fixed.one")
      const [letter] = yield* untilDead("fixed", 1)
      const before = yield* lastSequence
      state.broken = false
      const begun = yield* redrive({ payload: { ids: [letter?.id ?? ""], by: "ann@box" } })
      assert.deepStrictEqual([begun.count, begun.missing], [1, []])
      const done = yield* untilDone(begun.operation)
      assert.deepInclude(done, { state: "done", by: "ann@box", kind: "redrive", requested: 1, left: 0 })
      assert.deepStrictEqual(done.results, { applied: 1 })
      assert.deepStrictEqual(done.asked, { ids: [letter?.id] })
      assert.deepStrictEqual(yield* outcomesOf(done.id), [{
        id: letter?.id ?? "",
        result: "applied",
        error: null
      }])
      yield* untilDead("fixed", 0)
      assert.deepStrictEqual(state.handled, ["good", "poison"])
      assert.strictEqual(yield* lastSequence, before)
      yield* noRequest
    }))

  it.effect("that fails again is reported, and its dead letter counts one more attempt", () =>
    Effect.gen(function*() {
      const { redrive } = yield* api
      const { start } = yield* consumerOf("still", "still.one")
      yield* start
      yield* append("poison_still", `{}`, "still.one")
      const [first] = yield* untilDead("still", 1)
      const { operation } = yield* redrive({ payload: { filter: { consumer: "still" }, by: "ann" } })
      const done = yield* untilDone(operation)
      assert.deepStrictEqual(done.results, { dead: 1 })
      assert.deepStrictEqual(yield* outcomesOf(done.id), [
        { id: first?.id ?? "", result: "dead", error: "it is poison" }
      ])
      const [second] = yield* untilDead("still", 1)
      assert.deepStrictEqual([first?.attempts, second?.attempts], [1, 2])
      assert.strictEqual(second?.first_failed_at, first?.first_failed_at)
      yield* noRequest
    }))

  it.effect("is handled by one of many instances, once per event", () =>
    Effect.gen(function*() {
      const { redrive } = yield* api
      const { start, state } = yield* consumerOf("many", "many.one")
      yield* Effect.all([start, start, start, start])
      const ids = Array.from({ length: 60 }, (_, index) => `poison_${index}`)
      yield* Effect.forEach(ids, (id) => append(id, `{}`, "many.one"), { concurrency: 20 })
      yield* untilDead("many", 60)
      state.broken = false
      const { operation } = yield* redrive({
        payload: { filter: { consumer: "many" }, by: "ann", rate: 1_000 }
      })
      assert.deepStrictEqual((yield* untilDone(operation)).results, { applied: 60 })
      assert.deepStrictEqual(state.handled.toSorted(), ids.toSorted())
      yield* untilDead("many", 0)
      yield* noRequest
    }))

  it.effect("uses the bytes of the dead letter when the log no longer contains the event, or contains another", () =>
    Effect.gen(function*() {
      const { redrive } = yield* api
      const seen: Array<string> = []
      const lost = yield* append("lost", `{"lost":true}`, "lost.one")
      const other = yield* append("other", `{"other":true}`, "lost.one")
      const { put } = yield* DeadLetters
      yield* put("lost", lost, "error")
      const older = {
        ...other,
        id: "older",
        body: Buffer.from("older"),
        headers: [["ce-id", "older"]] as const
      }
      yield* put("lost", older, "error")
      yield* expire(lost.sequence)
      const consumers = yield* Consumers
      yield* Effect.forkScoped(consumers.run({
        durable: "lost",
        filter: "3qpr.events.nothing",
        maxBatch: 10,
        pause: Effect.void,
        handle: (batch) =>
          Effect.sync(() =>
            batch.map(({ body, id }) => {
              seen.push(`${id} ${Buffer.from(body).toString()}`)
              return ack
            })
          )
      }))
      const { operation } = yield* redrive({ payload: { filter: { consumer: "lost" }, by: "ann" } })
      assert.deepStrictEqual((yield* untilDone(operation)).results, { applied: 2 })
      assert.deepStrictEqual(seen, [`lost {"lost":true}`, "older older"])
      yield* noRequest
    }))

  it.effect("waits for a consumer that does not run, can be cancelled, and then changes nothing", () =>
    Effect.gen(function*() {
      const { redrive } = yield* api
      const { operations } = yield* AdminClient
      const { put } = yield* DeadLetters
      for (const id of ["a", "b", "c"]) yield* put("away", yield* append(id, `{}`, "away.one"), "error")
      const { operation } = yield* redrive({
        payload: { filter: { consumer: "away" }, by: "ann", rate: 1_000 }
      })
      const params = { id: operation ?? "" }
      yield* until("3 requests", pending, (count) => count === 3)
      assert.deepInclude(yield* operations.get({ params }), { state: "running", left: 3 })
      const cancelled = yield* operations.cancel({ params, payload: { by: "bob" } })
      assert.deepInclude(cancelled, { state: "cancelled", left: 3 })
      assert.strictEqual(cancelled.cancelled?.by, "bob")
      assert.strictEqual(yield* pending, 0)
      yield* untilDead("away", 3)
    }))

  it.effect("keeps its rate, and sends nothing after it is cancelled", () =>
    Effect.gen(function*() {
      const { redrive } = yield* api
      const { operations } = yield* AdminClient
      const { put } = yield* DeadLetters
      const event = yield* append("slow", `{}`, "slow.one")
      for (let at = 0; at < 5; at++) yield* put("slow", { ...event, sequence: event.sequence + at }, "error")
      const { operation } = yield* redrive({
        payload: { filter: { consumer: "slow" }, by: "ann", rate: 0.5 }
      })
      yield* until("one request", pending, (count) => count === 1)
      const params = { id: operation ?? "" }
      yield* operations.cancel({ params, payload: { by: "ann" } })
      yield* Effect.sleep(2_500)
      assert.strictEqual(yield* pending, 0)
    }))

  it.effect("keeps its rate after the wall clock was set back", () =>
    Effect.gen(function*() {
      const { redrive } = yield* api
      const { operations } = yield* AdminClient
      const { put } = yield* DeadLetters
      const event = yield* append("clock", `{}`, "clock.one")
      for (let at = 0; at < 3; at++) yield* put("clock", { ...event, sequence: event.sequence + at }, "error")
      const before = yield* pending
      const { operation } = yield* redrive({ payload: { filter: { consumer: "clock" }, by: "ann", rate: 1 } })
      yield* until("one request", pending, (count) => count > before)
      yield* setClockBack
      yield* until("all requests", pending, (count) => count === before + 3)
      yield* operations.cancel({ params: { id: operation ?? "" }, payload: { by: "ann" } })
      yield* until("no request", pending, (count) => count === before)
    }))

  it.effect("reports its result and changes nothing for a dry run or an empty selection", () =>
    Effect.gen(function*() {
      const { redrive } = yield* api
      const { operations } = yield* AdminClient
      const { put } = yield* DeadLetters
      yield* put("dry", yield* append("dry", `{}`, "dry.one"), "error")
      const before = (yield* operations.list({ query: {} })).operations.length
      assert.deepStrictEqual(
        yield* redrive({ payload: { filter: { consumer: "dry" }, by: "ann", dry_run: true } }),
        { operation: null, count: 1, missing: [] }
      )
      assert.deepStrictEqual(
        yield* redrive({ payload: { ids: ["dry:999999"], by: "ann" } }),
        { operation: null, count: 0, missing: ["dry:999999"] }
      )
      assert.strictEqual((yield* operations.list({ query: {} })).operations.length, before)
    }))

  it.effect("requires exactly one selection of dead letters", () =>
    Effect.gen(function*() {
      const { redrive } = yield* api
      for (const unclear of [{}, { filter: {} }, { all: true as const, ids: ["a:1"] }]) {
        const problem = yield* Effect.flip(redrive({ payload: { ...unclear, by: "ann" } }))
        assert.strictEqual(problem._tag, "InvalidSelection")
      }
      const { address } = yield* HttpServer.HttpServer
      const url = `${HttpServer.formatAddress(address)}/v1/dead-letters/redrive`
      const anonymous = yield* send(url, {
        method: "POST",
        body: `{"all":true}`,
        headers: { "content-type": "application/json" }
      })
      assert.strictEqual(anonymous.status, 400)
      assert.include(anonymous.headers.get("content-type"), "application/problem+json")
      assert.strictEqual((yield* send(url)).status, 404)
    }))
})

layer(listenerAndClient, { excludeTestServices: true })("a discard", (it) => {
  it.effect("removes dead letters permanently, and records the operator, the time and the reason", () =>
    Effect.gen(function*() {
      const { discard } = yield* api
      const { operations } = yield* AdminClient
      const { count, put } = yield* DeadLetters
      const events = yield* Effect.forEach(["a", "b", "c"], (id) => append(id, `{}`))
      for (const event of events) yield* put("scans-1", event, event.id === "c" ? "other" : "broken")
      const before = yield* lastSequence
      const payload = { filter: { error: "broken" }, by: "ann@box", reason: "sent by mistake" }
      const { operation } = yield* discard({ payload })
      const done = yield* untilDone(operation)
      assert.deepInclude(done, { kind: "discard", by: "ann@box", reason: "sent by mistake", requested: 2 })
      assert.deepStrictEqual(done.results, { discarded: 2 })
      yield* untilDead("scans-1", 1)
      assert.strictEqual(yield* count, 1)
      assert.strictEqual(yield* lastSequence, before)
      assert.deepStrictEqual((yield* operations.list({ query: {} })).operations, [done])
      const missing = yield* Effect.flip(operations.get({ params: { id: "nonsense" } }))
      assert.strictEqual(missing._tag, "NotFound")
    }))

  it.effect("that was interrupted between the record and the removal removes the recorded dead letters", () =>
    Effect.gen(function*() {
      const { put } = yield* DeadLetters
      const { finish } = yield* Discard.make
      const [done, other] = [yield* append("d", `{}`), yield* append("e", `{}`)]
      for (const event of [done, other]) yield* put("interrupted", event, "broken")
      yield* finish([{ id: `interrupted:${done.sequence}`, result: "discarded", error: null, at: "" }])
      const [left] = yield* untilDead("interrupted", 1)
      assert.strictEqual(left?.sequence, other.sequence)
    }))
})

describe("an operation whose process ends", () => {
  it.live("continues in the next process with the remaining events", () =>
    Effect.gen(function*() {
      const { put } = yield* DeadLetters
      const { begin, find } = yield* Operations
      const { sequence, ...event } = yield* append("a", `{}`)
      for (let at = 0; at < 6; at++) yield* put("gone", { ...event, sequence: sequence + at }, "broken")
      const ids = (yield* lettersOf()).map(({ id }) => id)
      const asked = { kind: "discard" as const, by: "ann", reason: "test", asked: {}, rate: 2 }
      const id = (yield* begin(asked, Stream.fromIterable(ids))).operation ?? ""
      const standing = Effect.map(find(id), Option.getOrThrow)
      yield* poll(standing, ({ left }) => left < 6).pipe(
        Effect.provide(Layer.fresh(Runner.layer))
      )
      const { left } = yield* standing
      assert.isAbove(left, 0)
      yield* poll(lettersOf(), (letters) => letters.length === 0)
        .pipe(
          Effect.provide(Layer.fresh(Runner.layer))
        )
      assert.deepStrictEqual((yield* standing).results, { discarded: 6 })
    }).pipe(Effect.provide(
      Layer.mergeAll(Operations.layer, ProcessHealth.layer, postgres.layer).pipe(
        Layer.provideMerge(consumersOnBroker)
      )
    )))
})
