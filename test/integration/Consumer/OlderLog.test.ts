// Runs: broker

import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import { cpSync, rmSync } from "node:fs"
import { join } from "node:path"
import * as JetStream from "../../../src/EventLog/JetStream.ts"
import { subscribe, subscribeOrdered } from "../../../src/index.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { NatsServer } from "../../../src/Nats/Server.ts"
import { binary, newDataDir } from "../../support/Broker.ts"
import { topology } from "../../support/Log.ts"
import { happen, ready, until } from "../../support/Subscribing.ts"
import { until as untilFits } from "../../support/Until.ts"

const platform = Layer.merge(NodeServices.layer, FetchHttpClient.layer)

/** Runs an effect with the event log of a data folder. */
const during = <A, E, R>(dataDir: string, effect: Effect.Effect<A, E, R>) => {
  const log = Layer.unwrap(
    Effect.map(
      NatsServer,
      ({ syncsBeforeAck, token, url }) =>
        JetStream.layer({ ...topology, syncsBeforeAck }).pipe(
          Layer.provideMerge(Nats.layer({ servers: [url], token }))
        )
    )
  ).pipe(Layer.provideMerge(NatsServer.layer({ dataDir, binary })), Layer.provide(platform))
  return Effect.provide(Effect.scoped(Effect.andThen(ready, effect)), Layer.fresh(log))
}

const target = Effect.map(NatsServer, ({ token, url }) => ({ servers: url, token: Redacted.value(token) }))

const streams = join("nats", "jetstream", "$G", "streams")

/** A consumer and an ordered group on the log, and the ids that they have handled. */
const consumers = Effect.gen(function*() {
  const broker = yield* target
  const handled: Record<"one" | "group", Array<string>> = { one: [], group: [] }
  const types = ["older.happened"]
  const one = yield* Effect.acquireRelease(
    Effect.promise(() =>
      subscribe({ ...broker, name: "one", types, handle: ({ id }) => void handled.one.push(id) })
    ),
    ({ stop }) => Effect.promise(stop)
  )
  const group = yield* Effect.acquireRelease(
    Effect.promise(() =>
      subscribeOrdered({
        ...broker,
        name: "group",
        types,
        lease: 1_000,
        key: ({ id }) => id,
        handle: ({ id }) => void handled.group.push(id)
      })
    ),
    ({ stop }) => Effect.promise(stop)
  )
  return { handled, one, group }
})

describe("consumers of a log that was restored from an older copy", () => {
  it.live(
    "process nothing, are not ready, and name the remedy, also when the log has grown since",
    () =>
      Effect.gen(function*() {
        const dataDir = yield* newDataDir
        const copy = yield* newDataDir
        yield* during(dataDir, happen("older", 10))
        cpSync(join(dataDir, streams, "3QPR_EVENTS"), copy, { recursive: true })
        yield* during(
          dataDir,
          Effect.gen(function*() {
            const { group, handled } = yield* consumers
            yield* happen("older", 20, undefined, 11)
            yield* until(() => handled.one.length === 30 && handled.group.length === 30)
            yield* untilFits("no lag", Effect.promise(group.lag), ({ events }) => events === 0)
          })
        )
        // Restores the messages of the older copy, and leaves the durable consumers as they are.
        const messages = join(dataDir, streams, "3QPR_EVENTS", "msgs")
        rmSync(messages, { recursive: true })
        cpSync(join(copy, "msgs"), messages, { recursive: true })
        for (const grown of [0, 40]) {
          yield* during(
            dataDir,
            Effect.gen(function*() {
              const { group, handled, one } = yield* consumers
              // Before the broker answers, the only known reason is that it has not answered.
              yield* untilFits(
                "not ready, with the remedy",
                Effect.promise(group.health),
                (health) => !health.ready && /older copy.*another consumer name/s.test(health.reason)
              )
              yield* happen("newer", 40, "older.happened", grown + 1)
              assert.isFalse((yield* Effect.promise(group.health)).ready)
              assert.deepStrictEqual(handled.group, [])
              // A durable consumer keeps no ids, so it cannot notice once the log is as long as before.
              if (grown > 0) return
              const isRefused = Effect.map(Effect.promise(one.health), ({ ready }) => !ready)
              // A newer broker moves the durable consumer back to the end of the log, so it skips nothing.
              yield* untilFits(
                "refused or complete",
                isRefused,
                (refused) => refused || handled.one.length === 40
              )
              if (yield* isRefused) assert.deepStrictEqual(handled.one, [])
            })
          )
        }
      }).pipe(Effect.scoped, Effect.provide(platform)),
    120_000
  )
})
