// Runs: broker

import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { AdminClient } from "../../../src/Admin/Client.ts"
import { subscribe } from "../../../src/Consumer/Subscribe.ts"
import { Consumer } from "../../../src/index.ts"
import { NatsServer } from "../../../src/Nats/Server.ts"
import { listenerAndClient } from "../../support/DeadLetters.ts"
import { untilDead, untilDone } from "../../support/Redrive.ts"
import { broker, happen, ready, subscribing, until } from "../../support/Subscribing.ts"
import { poll } from "../../support/Until.ts"

layer(Layer.effectDiscard(ready).pipe(Layer.provideMerge(listenerAndClient)), { excludeTestServices: true })(
  "a user's consumer",
  (it) => {
    it.effect("receives the events of its types, with data of that type's schema, and acks the others", () =>
      Effect.gen(function*() {
        const seen: Array<string | null | undefined> = []
        const { lag } = yield* subscribing({
          name: "typed",
          types: ["scan.created", "typed.happened"],
          handle: (event) => {
            if (event.type === "scan.created") seen.push(event.data.country, event.data.id)
            else seen.push(event.type, JSON.stringify(event.data))
          }
        })
        yield* happen("typed_scan", 1, "scan.created")
        yield* happen("typed_other", 1, "typed.unwanted")
        yield* happen("typed", 1)
        yield* until(() => seen.length === 4)
        assert.deepStrictEqual(seen, [
          "CH",
          "typed_scan_1",
          "typed.happened",
          `{"id":"typed_1","country":"CH"}`
        ])
        yield* poll(Effect.promise(lag), ({ events }) => events === 0)
      }))

    it.effect("starts at the first event, the next one, a time or a sequence, and later at its last position", () =>
      Effect.gen(function*() {
        const [first] = yield* happen("begun", 1)
        yield* Effect.sleep(20)
        const time = new Date()
        yield* Effect.sleep(20)
        const [, third] = yield* happen("begun", 2, undefined, 2)
        const seen: Record<string, Array<string>> = { all: [], time: [], sequence: [], new: [] }
        const starts = {
          all: "all",
          time: { time },
          sequence: { sequence: third?.sequence ?? 0 },
          new: "new"
        } as const
        const start = (which: keyof typeof starts) =>
          subscribing({
            name: `begun_${which}`,
            types: ["begun.happened"],
            from: starts[which],
            handle: ({ id }) => void seen[which]?.push(id)
          })
        yield* Effect.scoped(Effect.gen(function*() {
          for (const which of ["all", "time", "sequence", "new"] as const) yield* start(which)
          yield* happen("begun", 1, undefined, 4)
          yield* until(() => Object.values(seen).every((ids) => ids.includes("begun_4")))
        }))
        assert.isAbove(third?.sequence ?? 0, first?.sequence ?? 0)
        assert.deepStrictEqual(seen, {
          all: ["begun_1", "begun_2", "begun_3", "begun_4"],
          time: ["begun_2", "begun_3", "begun_4"],
          sequence: ["begun_3", "begun_4"],
          new: ["begun_4"]
        })
        yield* happen("begun", 1, undefined, 5)
        yield* start("new")
        yield* until(() => seen["new"]?.length === 2)
        assert.deepStrictEqual(seen["new"], ["begun_4", "begun_5"])
      }))

    it.effect("retries an event whose handler throws, after each delay, and then dead-letters it", () =>
      Effect.gen(function*() {
        const tries: Array<number> = []
        const done: Array<string> = []
        yield* subscribing({
          name: "throwing",
          types: ["throwing.happened"],
          retry: { delays: [100, 300] },
          handle: (event) => {
            if (event.id !== "throwing_1") return void done.push(event.id)
            tries.push(performance.now())
            throw new Error("the CRM said no")
          }
        })
        yield* happen("throwing", 3)
        const [letter] = yield* untilDead("throwing", 1)
        assert.deepInclude(letter, { event_id: "throwing_1", error: "the CRM said no", attempts: 3 })
        const [one = 0, two = 0, three = 0, ...more] = tries
        assert.deepStrictEqual(more, [])
        assert.isAtLeast(two - one, 95)
        assert.isAtLeast(three - two, 295)
        yield* until(() => done.length === 2)
        assert.deepStrictEqual(done, ["throwing_2", "throwing_3"])
      }))

    it.effect("retries an event that fails for a transient reason without a limit", () =>
      Effect.gen(function*() {
        let failures = 0
        const done: Array<string> = []
        yield* subscribing({
          name: "transient",
          types: ["transient.happened"],
          retry: { delays: [10], isTransient: (error) => String(error).includes("ECONNREFUSED") },
          handle: ({ id }) => {
            if (failures++ < 12) throw new Error("ECONNREFUSED")
            done.push(id)
          }
        })
        yield* happen("transient", 1)
        yield* until(() => done.length === 1)
        yield* untilDead("transient", 0)
        assert.strictEqual(failures, 13)
      }))

    it.effect("acks, retries or dead-letters as its handler returns, and handles redrives", () =>
      Effect.gen(function*() {
        const seen: Array<string> = []
        let isFixed = false
        yield* subscribing({
          name: "answering",
          types: ["answering.happened"],
          handle: async ({ deliveries, id, redriven }) => {
            seen.push(`${id}${redriven ? " redriven" : ""}`)
            if (id === "answering_1" && deliveries === 1) return Consumer.retryAfter(50)
            if (id === "answering_2" && !isFixed) return Consumer.deadLetter("no such customer")
            return Consumer.ack
          }
        })
        yield* happen("answering", 2)
        const [letter] = yield* untilDead("answering", 1)
        assert.deepInclude(letter, { event_id: "answering_2", error: "no such customer", attempts: 1 })
        yield* until(() => seen.length === 3)
        assert.sameMembers(seen, ["answering_1", "answering_2", "answering_1"])
        isFixed = true
        const { deadLetters } = yield* AdminClient
        const { operation } = yield* deadLetters.redrive({
          payload: { filter: { consumer: "answering" }, by: "tests" }
        })
        yield* untilDone(operation)
        assert.strictEqual(seen.at(-1), "answering_2 redriven")
        yield* untilDead("answering", 0)
      }))

    it.effect("acks events whose handler returns the result of a query, one by one and in batches", () =>
      Effect.gen(function*() {
        // Untyped, as a JavaScript client returns it.
        const insert = async () => JSON.parse(`{"rowCount":1}`)
        const types = ["queried.happened"]
        const one = yield* subscribing({ name: "queried", types, handle: insert })
        const many = yield* subscribing({
          name: "queried_many",
          types,
          maxBatch: 10,
          handleBatch: (events) => Promise.all(events.map(insert))
        })
        yield* happen("queried", 50)
        for (const { lag } of [one, many]) {
          yield* poll(Effect.promise(lag), ({ events, finishedTo }) => events === 0 && finishedTo > 0)
        }
      }))

    it.effect("finds the failing event of a batch, and acks the others", () =>
      Effect.gen(function*() {
        yield* happen("batch", 20)
        const done = new Set<string>()
        const sizes: Array<number> = []
        yield* subscribing({
          name: "batch",
          types: ["batch.happened"],
          retry: { delays: [] },
          maxBatch: 20,
          handleBatch: async (events) => {
            sizes.push(events.length)
            if (events.some(({ id }) => id === "batch_13")) throw new Error("poison")
            for (const { id } of events) done.add(id)
          }
        })
        const [letter] = yield* untilDead("batch", 1)
        assert.strictEqual(letter?.event_id, "batch_13")
        yield* until(() => done.size === 19)
        assert.isAbove(Math.max(...sizes), 1)
      }))

    it.effect("handles as many events at a time as configured, and a slow one delays no other", () =>
      Effect.gen(function*() {
        yield* happen("parallel", 40)
        const done: Array<string> = []
        const slow = Promise.withResolvers<void>()
        let running = 0
        let most = 0
        yield* subscribing({
          name: "parallel",
          types: ["parallel.happened"],
          concurrency: 3,
          handle: async ({ id }) => {
            most = Math.max(most, ++running)
            await (id === "parallel_1" ? slow.promise : new Promise((resolve) => setTimeout(resolve, 5)))
            running--
            done.push(id)
          }
        })
        yield* until(() => done.length === 39)
        slow.resolve()
        yield* until(() => done.length === 40)
        assert.strictEqual(done.at(-1), "parallel_1")
        assert.strictEqual(most, 3)
      }))

    it.effect("refuses other types under the name of an existing consumer, and names the way to continue", () =>
      Effect.gen(function*() {
        const target = yield* broker
        const done: Array<string> = []
        const start = (name: string, types: ReadonlyArray<string>, from?: Consumer.From) =>
          subscribe({ ...target, name, types, from, handle: ({ id }) => void done.push(id) })
        const first = yield* Effect.promise(() => start("widened", ["widened.one"]))
        yield* happen("widened_a", 1, "widened.one")
        yield* poll(Effect.promise(first.lag), ({ finishedTo }) => finishedTo > 0)
        yield* Effect.promise(first.stop)
        const error = yield* Effect.flip(
          Effect.tryPromise({ try: () => start("widened", ["widened.one", "other.two"]), catch: String })
        )
        assert.match(error, /consumes 3qpr.events.widened.one, not 3qpr.events.>. Use another name/)
        yield* happen("widened_b", 1, "other.two")
        const sequence = Number(/begin with the sequence (\d+)/.exec(error)?.[1])
        const second = yield* Effect.promise(() => start("wider", ["widened.one", "other.two"], { sequence }))
        yield* until(() => done.length === 2)
        yield* Effect.promise(second.stop)
        assert.deepStrictEqual(done, ["widened_a_1", "widened_b_1"])
      }))

    it.effect("reports which option is invalid, and which values are allowed", () =>
      Effect.gen(function*() {
        const target = yield* broker
        const wrong = [
          [{ name: "my consumer" }, /name is "my consumer"; allowed is 1 to 64 letters/],
          [{ name: "scans-1" }, /name is "scans-1"; .* because projections use such names/],
          [{ types: [] }, /types is \[\]; .*omit it for all types/],
          [{ types: ["a b"] }, /types is \["a b"\]/],
          [{ concurrency: 0 }, /concurrency is 0; allowed is 1 to 1000/],
          [{ from: { sequence: 0 } }, /from is \{"sequence":0\}; allowed is "all", "new"/],
          [{ retry: { delays: [-1] } }, /retry.delays is \[-1\]/],
          [{ retry: { delays: [Infinity] } }, /retry.delays is \[Infinity\]; .* milliseconds from 0 to/],
          [{ progressWithin: 0 }, /progressWithin is 0; allowed is milliseconds, more than 0/],
          [{ name: undefined }, /name is undefined; allowed is 1 to 64 letters/],
          [{ handle: undefined }, /handle is undefined; allowed is a function; or handleBatch/],
          [{ handleBatch: () => undefined }, /has both handle and handleBatch/]
        ] as const
        for (const [option, expected] of wrong) {
          const subscribing = Reflect.apply(subscribe, undefined, [
            { ...target, name: "right", handle: () => undefined, ...option }
          ])
          const error = yield* Effect.flip(
            Effect.tryPromise({ try: () => subscribing, catch: (error) => error })
          )
          assert.match(error instanceof Error ? error.message : "", expected)
        }
      }))

    it.effect("can also run as an effect", () =>
      Effect.gen(function*() {
        yield* happen("effect", 1)
        const { token, url } = yield* NatsServer
        const first = Promise.withResolvers<string>()
        yield* Consumer.run({
          name: "effect",
          types: ["effect.happened"],
          handle: (event) => Effect.sync(() => first.resolve(event.id))
        }).pipe(
          Effect.raceFirst(Effect.promise(() => first.promise)),
          Effect.map((id) => assert.strictEqual(id, "effect_1")),
          Effect.provide(Consumer.layer({ servers: [url], token }))
        )
      }))
  }
)
