// Runs: long, broker

import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { ackWait } from "../../../src/Consumer/Consumer.ts"
import { NatsServer } from "../../../src/Nats/Server.ts"
import { consumersOnBroker, deleteDurable } from "../../support/Log.ts"
import { happen, ready, subscribing, until } from "../../support/Subscribing.ts"
import { poll } from "../../support/Until.ts"

layer(Layer.effectDiscard(ready).pipe(Layer.provideMerge(consumersOnBroker)), { excludeTestServices: true })(
  "the life of a user's consumer",
  (it) => {
    it.effect("keeps an event whose handler exceeds the time to acknowledge", () =>
      Effect.gen(function*() {
        const begun: Array<string> = []
        const done: Array<string> = []
        const instance = {
          name: "slow",
          types: ["slow.happened"],
          handle: async ({ id }: { readonly id: string }) => {
            begun.push(id)
            if (id === "slow_1") await new Promise((resolve) => setTimeout(resolve, ackWait + 3_000))
            done.push(id)
          }
        }
        const first = yield* subscribing(instance)
        yield* happen("slow", 2)
        yield* until(() => begun.length === 1)
        yield* subscribing(instance)
        yield* until(() => done.length === 2)
        yield* poll(Effect.promise(first.lag), ({ events }) => events === 0)
        assert.deepStrictEqual(begun, ["slow_1", "slow_2"])
      }), 60_000)

    it.effect("finishes the running handlers before it stops, and returns the other events at once", () =>
      Effect.gen(function*() {
        yield* happen("stopping", 3)
        const done: Array<string> = []
        const begun = Promise.withResolvers<void>()
        const goOn = Promise.withResolvers<void>()
        const first = yield* subscribing({
          name: "stopping",
          types: ["stopping.happened"],
          handle: async ({ id }) => {
            begun.resolve()
            await goOn.promise
            done.push(id)
          }
        })
        yield* Effect.promise(() => begun.promise)
        const stopping = first.stop()
        setTimeout(goOn.resolve, 100)
        yield* Effect.promise(() => stopping)
        yield* Effect.promise(() => first.ended)
        assert.deepStrictEqual(done, ["stopping_1"])
        const began = performance.now()
        yield* subscribing({
          name: "stopping",
          types: ["stopping.happened"],
          handle: ({ id }) => void done.push(id)
        })
        yield* until(() => done.length === 3)
        assert.isBelow(performance.now() - began, ackWait / 2)
        assert.sameMembers(done, ["stopping_1", "stopping_2", "stopping_3"])
      }))

    it.effect("aborts a handler that exceeds the stop timeout, and returns its event to the next instance", () =>
      Effect.gen(function*() {
        yield* happen("aborted", 1)
        let begun = false
        let aborted = false
        const options = { name: "aborted", types: ["aborted.happened"], stopWithin: 100 }
        const first = yield* subscribing({
          ...options,
          handle: (_, { signal }) =>
            new Promise<void>((_, reject) => {
              begun = true
              signal.addEventListener("abort", () => {
                aborted = true
                reject(new Error("aborted"))
              })
            })
        })
        yield* until(() => begun)
        yield* Effect.promise(first.stop)
        assert.isTrue(aborted)
        const done: Array<string> = []
        yield* subscribing({ ...options, handle: ({ id }) => void done.push(id) })
        yield* until(() => done.length === 1)
      }))

    it.effect(
      "continues at its position when its durable consumer is deleted, and skips nothing",
      () =>
        Effect.gen(function*() {
          yield* happen("deleted", 1)
          const done: Array<string> = []
          yield* subscribing({
            name: "deleted",
            types: ["deleted.happened"],
            from: "new",
            handle: ({ id }) => void done.push(id)
          })
          yield* happen("deleted", 1, undefined, 2)
          yield* until(() => done.length === 1)
          yield* deleteDurable("deleted")
          yield* happen("deleted", 1, undefined, 3)
          yield* until(() => done.includes("deleted_3"))
          assert.deepStrictEqual(done, ["deleted_2", "deleted_2", "deleted_3"])
        }),
      60_000
    )

    it.effect("reports that the broker is away, and continues when it is back", () =>
      Effect.gen(function*() {
        const done: Array<string> = []
        const { health } = yield* subscribing({
          name: "away",
          types: ["away.happened"],
          handle: ({ id }) => void done.push(id)
        })
        assert.deepStrictEqual(yield* Effect.promise(health), { ready: true })
        const { pid } = yield* NatsServer
        process.kill((yield* pid) ?? 0, "SIGKILL")
        yield* poll(Effect.promise(health), ({ ready }) => !ready)
        yield* poll(Effect.promise(health), ({ ready }) => ready)
        yield* ready
        yield* happen("away", 1)
        yield* until(() => done.length === 1)
      }))
  }
)
