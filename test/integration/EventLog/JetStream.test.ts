// Runs: broker

import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option } from "effect"
import { DiscardPolicy, nanos, type StreamConfig } from "nats"
import { Buffer } from "node:buffer"
import { AppendFailed, EventLog } from "../../../src/EventLog/EventLog.ts"
import {
  deadLetterStream,
  probeSubject,
  quarantineSubjects,
  redriveStream,
  stream
} from "../../../src/EventLog/Names.ts"
import { countIn } from "../../../src/EventLog/Subjects.ts"
import { operatedFlaw } from "../../../src/EventLog/Topology.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { NatsServer } from "../../../src/Nats/Server.ts"
import { entryOf } from "../../contract/EventLog.ts"
import * as Broker from "../../support/Broker.ts"
import { log, logOnBroker, nats, topology } from "../../support/Log.ts"
import { standStill } from "../../support/Processes.ts"
import { until } from "../../support/Until.ts"

const manager = Effect.flatMap(Nats, ({ connection }) => Effect.promise(() => connection.jetstreamManager()))

const ready = Effect.flatMap(EventLog, ({ health }) => until("ready", health, ({ ready }) => ready))

const notReady = Effect.flatMap(
  EventLog,
  ({ health }) => until("not ready", health, ({ ready }) => !ready)
)

const kill = Effect.flatMap(
  NatsServer,
  ({ pid }) => Effect.map(pid, (pid) => void (pid !== undefined && process.kill(pid, "SIGKILL")))
)

describe("the streams", () => {
  it.live("are created as documented, and are unchanged after another start", () =>
    Effect.gen(function*() {
      const streams = Effect.gen(function*() {
        const { streams } = yield* manager
        return yield* Effect.promise(() =>
          Promise.all([streams.info(stream), streams.info(deadLetterStream)])
        )
      })
      const [events, deadLetters] = yield* streams.pipe(Effect.provide(log))
      assert.deepInclude(events.config as Partial<StreamConfig>, {
        subjects: ["3qpr.events.>", "3qpr.quarantine.>"],
        storage: "file",
        retention: "limits",
        discard: "new",
        duplicate_window: nanos(topology.dedupWindow),
        max_age: 0,
        num_replicas: 1
      } as Partial<StreamConfig>)
      assert.deepStrictEqual(deadLetters.config.subjects, ["3qpr.dead.>"])
      const again = yield* streams.pipe(Effect.provide(log))
      assert.deepStrictEqual(again.map(({ config }) => config), [events.config, deadLetters.config])
    }).pipe(Effect.provide(Broker.layer)))

  it.live("are refused, by name and reason, when they would lose events", () =>
    Effect.gen(function*() {
      const { streams } = yield* manager
      const config = { name: stream, subjects: ["3qpr.>"], discard: DiscardPolicy.Old }
      yield* Effect.promise(() => streams.add(config))
      const { message } = yield* Effect.flip(Layer.build(log))
      assert.include(message, stream)
      assert.include(message, "discard policy is old")
      assert.include(message, "duplicate window is 2m")
      assert.include(message, "nats stream edit")
      const { config: after } = yield* Effect.promise(() => streams.info(stream))
      assert.strictEqual(after.discard, DiscardPolicy.Old)
    }).pipe(Effect.provide(nats.pipe(Layer.provideMerge(Broker.layer))), Effect.scoped))
})

describe("a probe of the event log", () => {
  it.live("is not counted if left behind by its process, and its removal does not affect lookups by time", () =>
    Effect.gen(function*() {
      yield* ready
      const log = yield* EventLog
      const { connection } = yield* Nats
      for (const id of ["evt_1", "evt_2", "evt_3"]) yield* log.append(entryOf(id))
      yield* until("no probe", log.state, ({ entries }) => entries === 3)
      const { lastSequence } = yield* log.state
      yield* Effect.sleep(30)
      const now = Date.now()
      const { jetstream, streams } = { jetstream: connection.jetstream(), streams: (yield* manager).streams }
      const { seq } = yield* Effect.promise(() => jetstream.publish(probeSubject, new Uint8Array()))
      assert.strictEqual(yield* log.count({ after: 0 }), 3)
      assert.strictEqual(yield* log.count({ after: 0, filter: quarantineSubjects }), 0)
      assert.strictEqual(countIn(yield* log.census, ">"), 3)
      yield* Effect.promise(() => streams.deleteMessage(stream, seq))
      const from = yield* log.sequenceAt(now)
      assert.isAbove(from, lastSequence)
      assert.strictEqual(yield* log.count({ after: from - 1 }), 0)
      assert.isAtMost(yield* log.sequenceAt(0), 3)
      const later = yield* log.append(entryOf("evt_4"))
      assert.isAtMost(yield* log.sequenceAt(now), later.sequence)
      assert.isAbove(yield* log.sequenceAt(now), lastSequence)
    }).pipe(Effect.provide(logOnBroker)))
})

describe("the event log without its broker", () => {
  it.live("fails pending appends at once, answers at once, recovers, and keeps acknowledged events", () =>
    Effect.gen(function*() {
      const { append, get } = yield* EventLog
      yield* ready
      const first = yield* append(entryOf("evt_1"))
      const { pid } = yield* NatsServer
      const broker = yield* pid
      if (broker === undefined) return assert.fail("no broker")
      yield* standStill(broker)
      const waiting = yield* Effect.forEach(
        ["evt_2", "evt_3"],
        (id) => Effect.forkChild(Effect.flip(append(entryOf(id))))
      )
      yield* Effect.yieldNow
      const killed = performance.now()
      process.kill(broker, "SIGKILL")
      for (const fiber of waiting) assert.strictEqual((yield* Fiber.join(fiber)).reason, "disconnected")
      assert.isBelow(performance.now() - killed, 2_000)
      yield* notReady
      const refused = yield* Effect.flip(append(entryOf("evt_4")))
      assert.include(["disconnected", "no_stream", "refused"], refused.reason)
      yield* ready
      for (const id of ["evt_2", "evt_3", "evt_4"]) yield* append(entryOf(id))
      assert.deepStrictEqual(yield* append(entryOf("evt_1")), { ...first, duplicate: true })
      assert.isTrue(Option.isSome(yield* get(first.sequence)))
    }).pipe(Effect.provide(logOnBroker)))

  it.live("does not assign a late acknowledgement to another append", () =>
    Effect.gen(function*() {
      const { append, get } = yield* EventLog
      yield* ready
      const broker = yield* Effect.flatMap(NatsServer, ({ pid }) => pid)
      if (broker === undefined) return assert.fail("no broker")
      yield* standStill(broker)
      const late = ["evt_late_1", "evt_late_2", "evt_late_3"]
      const unknown = yield* Effect.forEach(late, (id) => Effect.flip(append(entryOf(id))), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(unknown.map(({ reason }) => reason), ["timeout", "timeout", "timeout"])
      const next = yield* Effect.forEach(
        ["evt_next_1", "evt_next_2", "evt_next_3"],
        (id) => Effect.forkChild(Effect.map(append(entryOf(id)), ({ sequence }) => ({ id, sequence })))
      )
      process.kill(broker, "SIGCONT")
      for (const fiber of next) {
        const { id, sequence } = yield* Fiber.join(fiber)
        const entry = Option.getOrThrow(yield* get(sequence))
        assert.strictEqual(entry.headers["Nats-Msg-Id"], id)
      }
    }).pipe(Effect.provide(logOnBroker)))

  it.live("neither loses nor duplicates an acknowledged event when the broker is killed while publishing", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      yield* ready
      const ids = Array.from({ length: 5_000 }, (_, index) => `evt_${index}`)
      const acknowledged = new Map<string, number>()
      let failures = 0
      const publish = (id: string): Effect.Effect<void> =>
        log.append(entryOf(id)).pipe(
          Effect.map(({ sequence }) => void acknowledged.set(id, sequence)),
          Effect.catch(() => {
            failures++
            return Effect.andThen(Effect.sleep("50 millis"), publish(id))
          })
        )
      const publishing = yield* Effect.forkChild(Effect.forEach(ids, publish, { concurrency: 100 }))
      for (const at of [500, 1_500, 3_000]) {
        yield* Effect.repeat(Effect.sleep("1 millis"), { until: () => acknowledged.size >= at })
        yield* kill
      }
      yield* Fiber.join(publishing)
      assert.isAbove(failures, 0)
      for (const [id, sequence] of acknowledged) {
        const entry = Option.getOrThrow(yield* log.get(sequence))
        assert.strictEqual(entry.headers["Nats-Msg-Id"], id)
      }
      // The kill may have interrupted the removal of a probe, so probes are not counted.
      const { entries, subjects } = yield* log.census
      assert.strictEqual(entries - (subjects[probeSubject] ?? 0), ids.length)
    }).pipe(Effect.provide(logOnBroker)))
})

describe("a count of the log", () => {
  it.live("is right after the broker was killed, which forgets that entries were deleted", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      yield* ready
      const { lastSequence } = yield* log.state
      const stored = yield* Effect.forEach(
        Array.from({ length: 400 }, (_, index) => `evt_${index}`),
        (id) => log.append(entryOf(id)),
        { concurrency: 50 }
      )
      yield* Effect.forEach(stored.slice(0, 100), ({ sequence }) => log.erase(sequence), { concurrency: 10 })
      yield* kill
      yield* notReady
      yield* ready
      assert.strictEqual(yield* log.count({ after: lastSequence }), 300)
    }).pipe(Effect.provide(logOnBroker)))
})

describe("a stream other than the log", () => {
  it.live("that is deleted is a flaw, which names the remedy", () =>
    Effect.gen(function*() {
      const jetstream = yield* manager
      assert.isUndefined(yield* Effect.promise(() => operatedFlaw(jetstream)))
      yield* Effect.promise(() => jetstream.streams.delete(redriveStream))
      assert.match(
        (yield* Effect.promise(() => operatedFlaw(jetstream))) ?? "",
        /^The stream 3QPR_REDRIVES no longer exists\. Start a process/
      )
    }).pipe(Effect.provide(logOnBroker)))
})

describe("an event log that cannot store", () => {
  const limited = Effect.fnUntraced(function*(change: Partial<StreamConfig>) {
    const { streams } = yield* manager
    yield* Effect.promise(() => streams.update(stream, change))
  })

  it.live("reports that the stream is full, is not ready, and stores again when there is space", () =>
    Effect.gen(function*() {
      const { append } = yield* EventLog
      yield* ready
      yield* limited({ max_bytes: 20_000 })
      const body = Buffer.alloc(8_000, "x")
      const outcomes = yield* Effect.forEach(
        ["a", "b", "c"],
        (id) => Effect.exit(append(entryOf(id, { body })))
      )
      assert.deepStrictEqual(outcomes.map(({ _tag }) => _tag), ["Success", "Success", "Failure"])
      const failure = yield* Effect.flip(append(entryOf("c", { body })))
      assert.strictEqual(failure.reason, "full")
      yield* notReady
      yield* limited({ max_bytes: -1 })
      yield* ready
      assert.isFalse((yield* append(entryOf("c", { body }))).duplicate)
    }).pipe(Effect.provide(logOnBroker)))

  it.live("reports that the stream is missing after its deletion", () =>
    Effect.gen(function*() {
      const { append } = yield* EventLog
      yield* ready
      const { streams } = yield* manager
      yield* Effect.promise(() => streams.delete(stream))
      const failure = yield* Effect.flip(append(entryOf("a")))
      assert.instanceOf(failure, AppendFailed)
      assert.strictEqual(failure.reason, "no_stream")
      yield* notReady
    }).pipe(Effect.provide(logOnBroker)))

  it.live("does not accept another stream's acknowledgement", () =>
    Effect.gen(function*() {
      const { append } = yield* EventLog
      yield* ready
      const { streams } = yield* manager
      yield* Effect.promise(() => streams.delete(stream))
      yield* Effect.promise(() => streams.add({ name: "OTHER", subjects: ["3qpr.events.>"] }))
      const failure = yield* Effect.flip(append(entryOf("a")))
      assert.strictEqual(failure.reason, "refused")
      assert.include(failure.message, "OTHER")
    }).pipe(Effect.provide(logOnBroker)))

  it.live("refuses a body that is too large for the broker", () =>
    Effect.gen(function*() {
      const { append, maxBodyBytes } = yield* EventLog
      const failure = yield* Effect.flip(append(entryOf("a", { body: Buffer.alloc(maxBodyBytes + 4_096) })))
      assert.strictEqual(failure.reason, "too_large")
    }).pipe(Effect.provide(logOnBroker)))
})
