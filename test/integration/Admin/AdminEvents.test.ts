// Runs: broker

import { assert, layer } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer } from "effect"
import { FetchHttpClient, HttpServer } from "effect/http"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import * as Admin from "../../../src/Admin/Admin.ts"
import { AdminClient } from "../../../src/Admin/Client.ts"
import { Consumers } from "../../../src/Consumer/Consumer.ts"
import { ack, retryAfter } from "../../../src/Consumer/Outcome.ts"
import { type Entry, EventLog } from "../../../src/EventLog/EventLog.ts"
import { eventSubject, quarantineSubject } from "../../../src/EventLog/Names.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { postgres } from "../../support/Databases.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { delivered, given } from "../../support/Specification.ts"
import { poll } from "../../support/Until.ts"

const listener = Admin.layer({ host: "127.0.0.1", port: 0 }).pipe(
  Layer.provideMerge(Layer.mergeAll(consumersOnBroker, ProcessHealth.layer)),
  Layer.provideMerge(postgres.layer)
)

const client = Layer.unwrap(
  Effect.map(
    HttpServer.HttpServer,
    ({ address }) => AdminClient.layer({ url: HttpServer.formatAddress(address) })
  )
).pipe(Layer.provide(FetchHttpClient.layer))

const append = Effect.fnUntraced(function*(id: string, more: Partial<Entry> = {}) {
  const log = yield* EventLog
  const type = more.type ?? "scan.created"
  return yield* log.append({
    id,
    type,
    subject: eventSubject(type),
    body: Buffer.from(`{"id":"${id}"}`),
    signature: "sha256=5",
    receivedAt: yield* Clock.currentTimeMillis,
    ...more
  })
})

const list = (query: Parameters<AdminClient["Service"]["events"]["list"]>[0]["query"]) =>
  Effect.flatMap(AdminClient, ({ events }) => events.list({ query }))

const idsOf = ({ events }: { readonly events: ReadonlyArray<{ readonly id: string }> }) =>
  events.map(({ id }) => id)

const lastSequence = Effect.flatMap(EventLog, ({ state }) => Effect.map(state, (state) => state.lastSequence))

layer(client.pipe(Layer.provideMerge(listener)), { excludeTestServices: true })(
  "the private listener on the event log",
  (it) => {
    it.effect("lists events newest first, page by page, of every type or of one type, however rare", () =>
      Effect.gen(function*() {
        const rare = [3, 4, 90, 250]
        for (let index = 0; index < 300; index++) {
          yield* append(`evt_${index}`, { type: rare.includes(index) ? "menu.opened" : "scan.created" })
        }
        const newest = yield* list({ limit: 3 })
        assert.deepStrictEqual(idsOf(newest), ["evt_299", "evt_298", "evt_297"])
        assert.isTrue(newest.more)
        const next = yield* list({ limit: 3, before: newest.cursor })
        assert.deepStrictEqual(idsOf(next), ["evt_296", "evt_295", "evt_294"])
        const opened = yield* list({ type: "menu.opened", limit: 2 })
        assert.deepStrictEqual(idsOf(opened), ["evt_250", "evt_90"])
        const rest = yield* list({ type: "menu.opened", limit: 2, before: opened.cursor })
        assert.deepStrictEqual(idsOf(rest), ["evt_4", "evt_3"])
        assert.isFalse(rest.more)
        assert.deepStrictEqual(idsOf(yield* list({ type: "menu.closed" })), [])
        const all: Array<string> = []
        let cursor: number | undefined
        do {
          const page = yield* list({ limit: 70, ...(cursor !== undefined && { before: cursor }) })
          all.push(...idsOf(page))
          cursor = page.more ? page.cursor : undefined
        } while (cursor !== undefined)
        assert.deepStrictEqual(
          all.slice(0, 300),
          Array.from({ length: 300 }, (_, index) => `evt_${299 - index}`)
        )
        assert.strictEqual(all.length, yield* Effect.flatMap(EventLog, (log) => log.count({ after: 0 })))
      }))

    it.effect("lists the events after a sequence, oldest first, and continues without a gap", () =>
      Effect.gen(function*() {
        const after = yield* lastSequence
        for (const index of [0, 1, 2, 3, 4]) {
          yield* append(`evt_onward_${index}`, { type: index % 2 ? "code.seen" : "scan.created" })
        }
        const first = yield* list({ after, limit: 2 })
        assert.deepStrictEqual(idsOf(first), ["evt_onward_0", "evt_onward_1"])
        assert.isTrue(first.more)
        const rest = yield* list({ after: first.cursor, limit: 20 })
        assert.deepStrictEqual(idsOf(rest), ["evt_onward_2", "evt_onward_3", "evt_onward_4"])
        assert.isFalse(rest.more)
        assert.strictEqual(rest.cursor, rest.log.last_sequence)
        const seen = yield* list({ after, type: "code.seen" })
        assert.deepStrictEqual(idsOf(seen), ["evt_onward_1", "evt_onward_3"])
        assert.isFalse(seen.more)
        const none = yield* list({ after, type: "code.lost" })
        assert.deepStrictEqual([none.events, none.more, none.cursor], [[], false, after])
      }))

    it.effect("waits for the next event", () =>
      Effect.gen(function*() {
        const after = yield* lastSequence
        const waiting = yield* Effect.forkChild(list({ after, wait: 30, type: "awaited.one" }))
        yield* append("evt_other")
        yield* append("evt_awaited", { type: "awaited.one" })
        assert.deepStrictEqual(idsOf(yield* Fiber.join(waiting)), ["evt_awaited"])
      }))

    it.effect("lists the events stored from one time, inclusive, until another", () =>
      Effect.gen(function*() {
        yield* append("evt_early")
        yield* Effect.sleep(20)
        const since = new Date(yield* Clock.currentTimeMillis).toISOString()
        yield* append("evt_between")
        yield* Effect.sleep(20)
        const until = new Date(yield* Clock.currentTimeMillis).toISOString()
        yield* append("evt_late")
        assert.deepStrictEqual(idsOf(yield* list({ since, until })), ["evt_between"])
        assert.deepStrictEqual(idsOf(yield* list({ since })), ["evt_late", "evt_between"])
        assert.deepStrictEqual(idsOf(yield* list({ since, until, after: 0 })), ["evt_between"])
        assert.strictEqual(idsOf(yield* list({ until, limit: 1 }))[0], "evt_between")
      }))

    it.effect("describes each event, and returns its signed bytes on request", () =>
      Effect.gen(function*() {
        const { events } = yield* AdminClient
        const body = Buffer.from([0xff, 0x00, 0x7b])
        const { sequence } = yield* append("evt_odd/id?#%", {
          body,
          subject: quarantineSubject("invalid_json"),
          type: quarantineSubject("invalid_json"),
          receivedAt: Date.UTC(2026, 2, 20)
        })
        const about = {
          sequence,
          id: "evt_odd/id?#%",
          type: null,
          quarantined: "invalid_json",
          received_at: "2026-03-20T00:00:00.000Z",
          size: 3,
          sha256: createHash("sha256").update(body).digest("hex")
        }
        const signed = { signature: "sha256=5", body_base64: body.toString("base64") }
        assert.deepStrictEqual((yield* list({ limit: 1 })).events, [about])
        assert.deepStrictEqual((yield* list({ limit: 1, bodies: "true" })).events, [{ ...about, ...signed }])
        const { headers, subject, ...detail } = yield* events.get({ params: { id: "evt_odd/id?#%" } })
        assert.deepStrictEqual(detail, { ...about, ...signed })
        assert.strictEqual(subject, "3qpr.quarantine.invalid_json")
        assert.strictEqual(headers["Nats-Msg-Id"], "evt_odd/id?#%")
      }))

    it.effect("finds an event by its id, whether projected or not, and reports an unknown id", () =>
      Effect.gen(function*() {
        const { events } = yield* AdminClient
        const { sequence } = yield* append("evt_projected")
        const { when } = yield* given(scans)
        yield* when([delivered(sequence, "evt_projected", "scan.created", { id: "scan_1" })])
        assert.strictEqual((yield* events.get({ params: { id: "evt_projected" } })).sequence, sequence)
        const unknown = yield* append("evt_unknown", { type: "menu.opened" })
        assert.strictEqual((yield* events.get({ params: { id: "evt_unknown" } })).sequence, unknown.sequence)
        const missing = yield* Effect.flip(events.get({ params: { id: "evt_missing" } }))
        assert.strictEqual(missing._tag, "NotFound")
      }))

    it.effect("shows the progress of each consumer, and the age of its oldest waiting event", () =>
      Effect.gen(function*() {
        const { consumers: api, status } = yield* AdminClient
        const consumers = yield* Consumers
        const consumer = (name: string) =>
          Effect.map(api.list(), ({ consumers }) => consumers.find((consumer) => consumer.name === name))
        yield* append("evt_lag_1", {
          type: "lag.seen",
          receivedAt: (yield* Clock.currentTimeMillis) - 60_000
        })
        yield* append("evt_lag_2", { type: "lag.seen" })
        let handled = false
        const run = yield* Effect.forkChild(consumers.run({
          durable: "slow",
          filter: "3qpr.events.lag.seen",
          maxBatch: 1,
          pause: Effect.void,
          handle: (batch) =>
            Effect.as(Effect.sync(() => void (handled = true)), batch.map(() => retryAfter(60_000)))
        }))
        yield* poll(consumer("slow"), (slow) => handled && slow !== undefined && slow.in_flight > 0)
        const slow = yield* consumer("slow")
        assert.strictEqual(slow?.lag, 2)
        assert.strictEqual(slow?.filter, "3qpr.events.lag.seen")
        assert.isAtLeast(slow?.lag_seconds ?? 0, 60)
        assert.isBelow(slow?.lag_seconds ?? 0, 120)
        yield* Fiber.interrupt(run)

        const fast = yield* Effect.forkChild(consumers.run({
          durable: "fast",
          filter: "3qpr.events.lag.seen",
          maxBatch: 10,
          pause: Effect.void,
          handle: (batch) => Effect.succeed(batch.map(() => ack))
        }))
        yield* poll(consumer("fast"), (fast) => fast?.lag === 0 && fast.finished_to > 0)
        assert.strictEqual((yield* consumer("fast"))?.lag_seconds, 0)
        yield* Fiber.interrupt(fast)

        const { consumers: all, quarantined, rates, ready, stream, version } = yield* status.get()
        assert.deepStrictEqual(all.map(({ name }) => name), ["fast", "slow"])
        assert.isTrue(ready)
        assert.match(version, /^\d+\.\d+\.\d+/)
        assert.strictEqual(stream.name, "3QPR_EVENTS")
        assert.strictEqual(stream.dedup_window_seconds, 7_200)
        assert.isNull(stream.retention_seconds)
        assert.isAtLeast(quarantined, 1)
        assert.strictEqual(rates.last_hour, stream.events)
        assert.isAtMost(rates.last_minute, rates.last_hour)
        assert.isAbove(rates.last_minute, 0)
      }))
  }
)
