// Runs: long, broker

import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, Schedule, Stream } from "effect"
import { Consumers } from "../../../src/Consumer/Consumer.ts"
import { ack } from "../../../src/Consumer/Outcome.ts"
import { DeadLetters } from "../../../src/EventLog/DeadLetters.ts"
import { entriesOf } from "../../../src/EventLog/Entries.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import * as JetStream from "../../../src/EventLog/JetStream.ts"
import { stream } from "../../../src/EventLog/Names.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { NatsServer } from "../../../src/Nats/Server.ts"
import { entryOf } from "../../contract/EventLog.ts"
import * as Broker from "../../support/Broker.ts"
import { deleteDurable, log as direct, topology } from "../../support/Log.ts"
import * as Proxy from "../../support/Proxy.ts"
import { poll, until } from "../../support/Until.ts"

/** The event log behind a network that the test controls. */
const network = Effect.gen(function*() {
  const { token, url } = yield* NatsServer
  const proxy = yield* Proxy.before(Number(new URL(url).port))
  const remote = yield* Layer.build(
    JetStream.layer(topology).pipe(
      Layer.provideMerge(Nats.layer({ servers: [`nats://127.0.0.1:${proxy.port}`], token }))
    )
  )
  const log = Context.get(remote, EventLog)
  yield* poll(log.health, ({ ready }) => ready)
  const nats = Context.get(remote, Nats)
  return { proxy, log, nats, connected: nats.isConnected }
})

/** Appends every id until it is stored, and counts the attempts without an acknowledgement. */
const traffic = Effect.fnUntraced(function*(log: EventLog["Service"], ids: ReadonlyArray<string>) {
  const seen = { failures: 0, stored: 0, duplicates: 0 }
  const append = (id: string): Effect.Effect<void> =>
    log.append(entryOf(id)).pipe(
      Effect.map(({ duplicate }) => {
        seen.stored++
        if (duplicate) seen.duplicates++
      }),
      Effect.catch(() => {
        seen.failures++
        return Effect.andThen(Effect.sleep(100), append(id))
      })
    )
  const all = yield* Effect.forkChild(Effect.forEach(ids, append, { concurrency: 50, discard: true }))
  return { seen, done: Fiber.join(all) }
})

const idsOf = (count: number) => Array.from({ length: count }, (_, index) => `evt_${index}`)

/** Asserts that every id is in the stream exactly once: I1 of the fault catalogue. */
const assertOnce = Effect.fnUntraced(function*(ids: ReadonlyArray<string>) {
  const { read } = Context.get(yield* Layer.build(direct), EventLog)
  const entries = yield* Stream.runCollect(entriesOf(read, { after: 0 }))
  const stored = entries.map(({ headers }) => headers["ce-id"] ?? "")
  assert.deepStrictEqual(stored.toSorted(), ids.toSorted())
})

const test = (
  title: string,
  body: Effect.Effect<
    void,
    unknown,
    Layer.Success<typeof Broker.layer> | Effect.Services<ReturnType<typeof Proxy.before>>
  >
) => it.live(title, () => body.pipe(Effect.scoped, Effect.provide(Broker.layer)))

describe("the event log behind a bad network", () => {
  test(
    "detects a lost connection within 15 seconds, answers meanwhile, and continues after the reconnect",
    Effect.gen(function*() {
      const { connected, log, proxy } = yield* network
      yield* proxy.pause
      const paused = performance.now()
      const failure = yield* Effect.flip(log.append(entryOf("evt_waiting")))
      assert.strictEqual(failure.reason, "timeout")
      assert.isBelow(performance.now() - paused, 5_000)
      yield* until("not connected", Effect.sync(connected), (now) => !now)
      assert.isBelow(performance.now() - paused, 16_000)
      assert.isFalse((yield* log.health).ready)
      const refused = performance.now()
      assert.strictEqual((yield* Effect.flip(log.append(entryOf("evt_refused")))).reason, "disconnected")
      assert.isBelow(performance.now() - refused, 1_000)
      yield* proxy.resume
      yield* poll(log.health, ({ ready }) => ready)
      const ids = ["evt_waiting", "evt_refused"]
      yield* (yield* traffic(log, ids)).done
      yield* assertOnce(ids)
    })
  )

  test(
    "stores an event once when its acknowledgement never reaches the client",
    Effect.gen(function*() {
      const { log, proxy } = yield* network
      yield* proxy.deafen
      assert.strictEqual((yield* Effect.flip(log.append(entryOf("evt_unheard")))).reason, "timeout")
      yield* proxy.reset
      yield* proxy.resume
      const { done, seen } = yield* traffic(log, ["evt_unheard"])
      yield* done
      assert.strictEqual(seen.duplicates, 1)
      yield* assertOnce(["evt_unheard"])
    })
  )

  test(
    "stores each event once when the connection is reset repeatedly while it stores",
    Effect.gen(function*() {
      const { log, proxy } = yield* network
      const ids = idsOf(3_000)
      const { done, seen } = yield* traffic(log, ids)
      for (const at of [300, 900, 1_500, 2_100, 2_700]) {
        yield* Effect.repeat(Effect.sleep("1 millis"), { until: () => seen.stored >= at })
        yield* proxy.reset
      }
      yield* done
      assert.isAbove(seen.failures, 0)
      assert.isAtLeast(yield* proxy.connections, 6)
      yield* assertOnce(ids)
    })
  )

  // A broker with a full deduplication window answers its first publish seconds late; only a probe waits for that.
  test(
    "publishes only a probe after a lost connection, until the probe is acknowledged",
    Effect.gen(function*() {
      const { log, proxy } = yield* network
      const ids = idsOf(2_000)
      const { done, seen } = yield* traffic(log, ids)
      yield* Effect.repeat(Effect.sleep("1 millis"), { until: () => seen.stored >= 300 })
      yield* proxy.reset
      const passed: Array<string> = []
      yield* proxy.overhear((piece, from) => {
        const text = piece.toString("latin1")
        if (from === "server" && text.includes("\"stream\":\"3QPR_EVENTS\"")) passed.push("ack")
        for (const [, what = ""] of text.matchAll(/HPUB 3qpr\.(events|quarantine\.probe)/g)) passed.push(what)
      })
      yield* done
      // The first acknowledgements may answer publishes over the lost connection.
      const first = passed.findIndex((what) => what !== "ack")
      assert.deepStrictEqual(passed.slice(first, first + 3), ["quarantine.probe", "ack", "events"])
      yield* assertOnce(ids)
    })
  )

  test(
    "stores each event once when the connection is cut directly after a publish",
    Effect.gen(function*() {
      const { log, proxy } = yield* network
      const ids = idsOf(40)
      for (const id of ids.slice(0, 5)) {
        yield* proxy.cutAfter((sent) => sent.includes(`Nats-Msg-Id: ${id}\r`))
        yield* (yield* traffic(log, [id])).done
      }
      yield* (yield* traffic(log, ids)).done
      yield* assertOnce(ids)
    })
  )

  test(
    "stores all events with half a second of latency",
    Effect.gen(function*() {
      const { log, proxy } = yield* network
      yield* proxy.delay(250)
      const ids = idsOf(200)
      const { done, seen } = yield* traffic(log, ids)
      yield* done
      assert.strictEqual(seen.failures, 0)
      assert.isTrue((yield* log.health).ready)
      assert.isTrue(Option.isSome(yield* log.get((yield* log.state).lastSequence)))
      yield* proxy.delay(0)
      yield* assertOnce(ids)
    })
  )
})

describe("a durable consumer behind a bad network", () => {
  test(
    "is created again when it was deleted and the broker does not report it",
    Effect.gen(function*() {
      const { log, nats, proxy } = yield* network
      const services = Layer.succeedContext(Context.make(EventLog, log).pipe(Context.add(Nats, nats)))
      const consumers = Context.get(
        yield* Layer.build(Consumers.layer.pipe(
          Layer.provideMerge(DeadLetters.layer),
          Layer.provide(services)
        )),
        Consumers
      )
      const seen = new Set<string>()
      const handle = (batch: ReadonlyArray<{ readonly id: string }>) =>
        Effect.sync(() => batch.map(({ id }) => (seen.add(id), ack)))
      const options = { durable: "mine", filter: "3qpr.events.>", maxBatch: 10, pause: Effect.void, handle }
      yield* Effect.forkScoped(consumers.run(options))
      const has = (id: string) =>
        until(`${id} handled`, Effect.sync(() => [...seen]), (seen) => seen.includes(id))
      yield* log.append(entryOf("evt_1"))
      yield* has("evt_1")

      const past = yield* Layer.build(direct)
      const { connection } = Context.get(past, Nats)
      // A subscriber receives the pull requests, so the broker does not reply "no responders".
      connection.subscribe(`$JS.API.CONSUMER.MSG.NEXT.${stream}.mine`)
      yield* proxy.deafen
      yield* Effect.provide(deleteDurable("mine"), past)
      yield* proxy.resume
      yield* log.append(entryOf("evt_2")).pipe(Effect.retry(Schedule.spaced(100)))
      yield* has("evt_2")
    })
  )
})
