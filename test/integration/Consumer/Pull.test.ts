// Runs: long, broker

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Durable from "../../../src/Consumer/Durable.ts"
import { stream } from "../../../src/EventLog/Names.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { logOnBroker } from "../../support/Log.ts"
import { append } from "../../support/Projecting.ts"
import { until } from "../../support/Until.ts"

describe("a durable consumer that is deleted while `wanted` is false", () => {
  it.live("is created again once it is wanted again", () =>
    Effect.gen(function*() {
      yield* append("wanted_1", "{}", "wanted.one")
      const nats = yield* Nats
      const manager = yield* Effect.promise(() => nats.connection.jetstreamManager())
      const handled = new Set<number>()
      let isWanted = true
      let asked = 0
      yield* Effect.forkScoped(Durable.run(nats, manager, {
        stream,
        durable: "wanted",
        filter: "3qpr.events.wanted.one",
        maxBatch: 5,
        ackWait: 10_000,
        pause: Effect.void,
        wanted: Effect.sync(() => {
          asked++
          return isWanted
        }),
        handle: (messages) =>
          Effect.sync(() => {
            for (const message of messages) {
              handled.add(message.sequence)
              message.ack()
            }
          })
      }))
      const count = Effect.sync(() => handled.size)
      yield* until("the first event", count, (events) => events === 1)
      isWanted = false
      const before = asked
      yield* Durable.deleteDurable(manager, stream, "wanted")
      yield* until("the question whether it is wanted", Effect.sync(() => asked), (times) => times > before)
      isWanted = true
      yield* append("wanted_2", "{}", "wanted.one")
      // A reconnect makes the consumer request events again.
      yield* Effect.promise(() => nats.connection.reconnect())
      yield* until("the second event", count, (events) => events === 2)
    }).pipe(Effect.scoped, Effect.provide(logOnBroker)))
})

describe("a durable consumer whose events wait longer than the time to acknowledge", () => {
  it.live("handles a redelivered event once, and requests fewer events", () =>
    Effect.gen(function*() {
      const count = 300
      yield* Effect.forEach(
        Array.from({ length: count }, (_, at) => `slow_${at}`),
        (id) => append(id, "{}", "slow.one"),
        { concurrency: 50, discard: true }
      )
      const nats = yield* Nats
      const manager = yield* Effect.promise(() => nats.connection.jetstreamManager())
      const handled: Array<number> = []
      yield* Effect.forkScoped(Durable.run(nats, manager, {
        stream,
        durable: "slow",
        filter: "3qpr.events.slow.one",
        maxBatch: 5,
        waiting: count,
        ackWait: 1_000,
        pause: Effect.void,
        handle: (messages) =>
          Effect.delay(
            Effect.sync(() => {
              for (const message of messages) {
                handled.push(message.sequence)
                message.ack()
              }
            }),
            "50 millis"
          )
      }))
      const info = Effect.promise(() => manager.consumers.info(stream, "slow"))
      yield* until(
        "all events finished",
        Effect.eventually(Effect.delay(info, "50 millis")),
        ({ delivered, num_ack_pending, num_pending }) =>
          delivered.consumer_seq > 0 && num_ack_pending + num_pending === 0,
        30_000
      )
      assert.lengthOf(new Set(handled), count)
      // An event that is being handled when that time ends may be handled twice.
      assert.isBelow(handled.length, count + 60)
    }).pipe(Effect.scoped, Effect.provide(logOnBroker)))
})

describe("a durable consumer that gathers events", () => {
  it.live("takes the first event at once, and then only a full batch before its time", () =>
    Effect.gen(function*() {
      const nats = yield* Nats
      const manager = yield* Effect.promise(() => nats.connection.jetstreamManager())
      const taken: Array<{ readonly count: number; readonly at: number }> = []
      const gathering = (type: string, gather: number) =>
        Effect.forkScoped(Durable.run(nats, manager, {
          stream,
          durable: `gather_${type}`,
          filter: `3qpr.events.gather.${type}`,
          maxBatch: 10,
          concurrency: 2,
          gather,
          ackWait: 30_000,
          pause: Effect.void,
          handle: (messages) =>
            Effect.sync(() => {
              taken.push({ count: messages.length, at: performance.now() })
              for (const message of messages) message.ack()
            })
        }))
      let appended = 0
      const appendTo = (type: string, count: number) =>
        Effect.repeat(Effect.suspend(() => append(`gather_${appended++}`, "{}", `gather.${type}`)), {
          times: count - 1
        })
      const batches = Effect.sync(() => taken.map(({ count }) => count))

      yield* gathering("full", 60_000)
      yield* appendTo("full", 1)
      yield* until("the first event", batches, ({ length }) => length === 1)
      yield* appendTo("full", 3)
      yield* appendTo("full", 7)
      assert.deepStrictEqual(yield* until("a full batch", batches, ({ length }) => length === 2), [1, 10])

      yield* gathering("late", 300)
      yield* appendTo("late", 1)
      yield* until("the first event", batches, ({ length }) => length === 3)
      yield* appendTo("late", 1)
      assert.deepStrictEqual(yield* until("another event", batches, ({ length }) => length === 4), [
        1,
        10,
        1,
        1
      ])
      assert.isAtLeast((taken[3]?.at ?? 0) - (taken[2]?.at ?? 0), 295)
    }).pipe(Effect.scoped, Effect.provide(logOnBroker)))
})
