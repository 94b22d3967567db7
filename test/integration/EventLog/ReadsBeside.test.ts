import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Effect, Fiber, Layer, Redacted } from "effect"
import { Buffer } from "node:buffer"
import * as Beside from "../../../src/EventLog/Beside.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import * as JetStream from "../../../src/EventLog/JetStream.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { entryOf } from "../../contract/EventLog.ts"
import { topology } from "../../support/Log.ts"
import * as NatsProcess from "../../support/NatsProcess.ts"

/** The event log of the public listener and that of the private one, on one broker. */
const both = Effect.gen(function*() {
  const { token, url } = yield* NatsProcess.start()
  const target = { servers: [url], token: Redacted.make(token) }
  const own = yield* Layer.build(JetStream.layer(topology).pipe(Layer.provideMerge(Nats.layer(target))))
  const beside = yield* Layer.build(
    Beside.layer.pipe(
      Layer.provide(Layer.succeed(Beside.LogTarget, target)),
      Layer.provide(Layer.succeedContext(own))
    )
  )
  return {
    nats: yield* Nats.pipe(Effect.provideContext(own)),
    appending: yield* EventLog.pipe(Effect.provideContext(own)),
    reading: yield* EventLog.pipe(Effect.provideContext(beside))
  }
})

describe("reads of the private listener", () => {
  it.live(
    "never end the connection that stores deliveries, however large and many they are",
    () =>
      Effect.gen(function*() {
        const { appending, nats, reading } = yield* both
        const body = Buffer.alloc(1_000_000, "x")
        yield* Effect.forEach(Arr.range(1, 24), (n) => appending.append(entryOf(`large_${n}`, { body })))
        let lost = 0
        yield* nats.onChange((connected) => void (connected || lost++))
        const readers = yield* Effect.forkChild(
          Effect.forEach(Arr.range(1, 48), () => reading.read({ after: 0, limit: 1_000 }), {
            concurrency: "unbounded"
          })
        )
        for (let n = 0; readers.pollUnsafe() === undefined; n++) {
          const { duplicate } = yield* appending.append(entryOf(`small_${n}`))
          assert.isFalse(duplicate)
        }
        for (const { entries } of yield* Fiber.join(readers)) {
          assert.strictEqual(entries[0]?.body.length, body.length)
        }
        assert.strictEqual(lost, 0)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "do not block each other while some wait for new entries",
    () =>
      Effect.gen(function*() {
        const { appending, reading } = yield* both
        const { sequence: first } = yield* appending.append(entryOf("first"))
        const waiting = yield* Effect.forkChild(
          Effect.forEach(Arr.range(1, 8), () => reading.read({ after: first, limit: 1, wait: 20_000 }), {
            concurrency: "unbounded"
          })
        )
        for (let n = 0; n < 8; n++) {
          const { entries } = yield* reading.read({ after: 0, limit: 1 })
          assert.strictEqual(entries[0]?.sequence, first)
        }
        assert.isUndefined(waiting.pollUnsafe())
        const { sequence: second } = yield* appending.append(entryOf("second"))
        for (const { entries } of yield* Fiber.join(waiting)) assert.strictEqual(entries[0]?.sequence, second)
      }).pipe(Effect.scoped),
    30_000
  )
})
