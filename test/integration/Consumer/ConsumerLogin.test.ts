// Runs: long

import { assert, describe } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { subscribe } from "../../../src/Consumer/Subscribe.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import * as JetStream from "../../../src/EventLog/JetStream.ts"
import { Consumer, subscribeOrdered } from "../../../src/index.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { test } from "../../support/Live.ts"
import { topology } from "../../support/Log.ts"
import * as NatsProcess from "../../support/NatsProcess.ts"
import { append } from "../../support/Projecting.ts"
import { until } from "../../support/Until.ts"

const types = ["login.happened"]

/** A broker with an event log that is ready. */
const brokerWithLog = Effect.gen(function*() {
  const broker = yield* NatsProcess.start()
  const target = { servers: [broker.url], token: Redacted.make(broker.token) }
  const log = yield* Layer.build(JetStream.layer(topology).pipe(Layer.provideMerge(Nats.layer(target))))
  const { health } = Context.get(log, EventLog)
  const ready = until("the log is ready", health, ({ ready }) => ready)
  yield* ready
  const happen = (id: string) =>
    Effect.provideContext(
      append(id, JSON.stringify({ id, event: "login.happened", data: {} }), types[0]),
      log
    )
  return { broker, target, happen, ready }
})

describe("a consumer whose login is refused for a while", () => {
  test(
    "reports the reason, stops in time, and consumes again when the broker accepts its token",
    Effect.gen(function*() {
      const { broker, happen, ready } = yield* brokerWithLog
      const handled: Record<"one" | "group" | "stopped", Array<string>> = { one: [], group: [], stopped: [] }
      const options = (name: keyof typeof handled) => ({
        servers: broker.url,
        token: broker.token,
        name,
        types,
        handle: ({ id }: { readonly id: string }) => void handled[name].push(id)
      })
      const ordered = { lease: 1_000, key: ({ id }: { readonly id: string }) => id }
      const stopping = ({ stop }: { readonly stop: () => Promise<void> }) => Effect.promise(stop)
      const one = yield* Effect.acquireRelease(Effect.promise(() => subscribe(options("one"))), stopping)
      const group = yield* Effect.acquireRelease(
        Effect.promise(() => subscribeOrdered({ ...options("group"), ...ordered })),
        stopping
      )
      const stopped = yield* Effect.acquireRelease(
        Effect.promise(() => subscribeOrdered({ ...options("stopped"), ...ordered, stopWithin: 1_000 })),
        stopping
      )
      yield* happen("login_1")
      yield* until(
        "the first",
        Effect.sync(() => handled),
        (by) => Object.values(by).every(({ length }) => length === 1)
      )
      yield* broker.signal("SIGKILL")
      yield* Effect.scoped(Effect.gen(function*() {
        yield* NatsProcess.start({}, { port: broker.port, authorization: { token: "another" } })
        for (const { health } of [one, group]) {
          yield* until(
            "refused",
            Effect.promise(health),
            (health) => !health.ready && health.reason.includes("AUTHORIZATION_VIOLATION")
          )
        }
        yield* Effect.timeout(Effect.promise(stopped.stop), "15 seconds")
        yield* Effect.promise(() => stopped.ended)
      }))
      yield* broker.start
      yield* ready
      yield* happen("login_2")
      yield* until(
        "the second",
        Effect.sync(() => handled),
        ({ group, one }) => one.includes("login_2") && group.includes("login_2")
      )
      assert.deepStrictEqual(handled.stopped, ["login_1"])
    })
  )
})

describe("a consumer whose connection has ended", () => {
  test(
    "ends with the reason, and is not ready",
    Effect.gen(function*() {
      const { target } = yield* brokerWithLog
      const layer = yield* Layer.build(Layer.fresh(Consumer.layer(target)))
      const one = yield* Effect.provideContext(
        Consumer.start({ name: "ended", types, handle: () => Effect.void }),
        layer
      )
      const group = yield* Effect.provideContext(
        Consumer.startOrdered({ name: "ended_group", types, key: ({ id }) => id, handle: () => Effect.void }),
        layer
      )
      yield* Effect.promise(() => Context.get(layer, Nats).connection.close())
      for (const { ended, health } of [one, group]) {
        const { message } = yield* Effect.flip(ended)
        assert.match(message, /^The connection to the broker has ended: /)
        yield* until("not ready", health, ({ ready }) => !ready)
      }
    })
  )
})
