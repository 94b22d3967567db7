// Runs: long

import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Layer, Option, Stream } from "effect"
import { Buffer } from "node:buffer"
import type { EventSummary } from "../../../src/Admin/Api/Events.ts"
import { AdminClient } from "../../../src/Admin/Client.ts"
import { Draining } from "../../../src/Admin/Draining.ts"
import { mostClients } from "../../../src/Admin/Live/Clients.ts"
import { Feed } from "../../../src/Admin/Live/Feed.ts"
import type { ProcessCounters } from "../../../src/Domain/ProcessCounters.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import { countersSubject, quarantineSubject, stream } from "../../../src/EventLog/Names.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { durableName } from "../../../src/Projector/Projection.ts"
import { projections } from "../../../src/Projector/Projections.ts"
import { install } from "../../../src/Projector/Tables.ts"
import { entryOf } from "../../contract/EventLog.ts"
import { send } from "../../support/Http.ts"
import { append, appendMany, connect, listener, Url } from "../../support/LiveListener.ts"
import { poll } from "../../support/Until.ts"

/** The number of ephemeral consumers of the stream, which serve reads. */
const readers = Effect.flatMap(Nats, ({ connection }) =>
  Effect.promise(async () => {
    const manager = await connection.jetstreamManager()
    let count = 0
    for await (const { config } of manager.consumers.list(stream)) {
      if (config.durable_name === undefined) count++
    }
    return count
  }))

/** The broker drops a consumer whose deletion was lost (seen on Deno, after a flood) after one minute. */
const untilReaders = (count: number) => poll(readers, (now) => now === count)

/** Another process that answers requests for its counters as this program does, until it is ended. */
const otherProcess = Effect.fnUntraced(function*(instance: string, first: number) {
  const { connection } = yield* Nats
  const state = { started_at: new Date().toISOString(), stored: first }
  const counters = (): ProcessCounters => ({
    instance,
    started_at: state.started_at,
    roles: ["ingress", "projector"],
    deliveries: { stored: state.stored, duplicate: 1 },
    projected: { scans: state.stored }
  })
  const subscription = yield* Effect.acquireRelease(
    Effect.sync(() =>
      connection.subscribe(countersSubject, {
        callback: (_, msg) => void msg.respond(JSON.stringify(counters()))
      })
    ),
    (subscription) => Effect.sync(() => subscription.unsubscribe())
  )
  return { state, end: () => subscription.unsubscribe() }
})

layer(listener, { excludeTestServices: true })("/v1/live", (it) => {
  it.effect("sends the status of the whole system at once and then every second", () =>
    Effect.gen(function*() {
      for (const projection of projections) {
        yield* install(projection, ({ name }, first) => Effect.succeed(durableName(name, first)))
      }
      yield* append("evt_before")
      const client = yield* connect()
      assert.strictEqual(client.status, 200)
      assert.deepInclude(client.headers, {
        "content-type": "text/event-stream",
        "cache-control": "no-store",
        "x-accel-buffering": "no"
      })
      yield* client.until(() => client.statuses().length >= 3)
      const [first, second, third] = client.statuses()
      assert.isBelow(Date.parse(third?.at ?? "") - Date.parse(first?.at ?? ""), 20_000)
      assert.isNull(first?.rates)
      assert.isAbove(second?.rates?.seconds ?? 0, 0)
      assert.deepInclude(first, {
        ready: true,
        faults: [],
        instances: 0,
        consumers: [],
        dead_letters: 0,
        quarantined: 0,
        rebuilds: []
      })
      assert.strictEqual(
        first?.stream?.events,
        yield* Effect.flatMap(EventLog, (log) => log.count({ after: 0 }))
      )
    }))

  it.effect("starts at the end, and then sends each entry of the log as /v1/events does, quarantine included", () =>
    Effect.gen(function*() {
      const before = yield* append("evt_old")
      const client = yield* connect()
      yield* client.until(() => client.messages.some(({ id }) => id !== undefined))
      const scan = yield* append("evt_scan")
      const odd = yield* (yield* EventLog).append(
        entryOf("sha256:odd", {
          subject: quarantineSubject("invalid_json"),
          type: quarantineSubject("invalid_json"),
          body: Buffer.from("{")
        })
      )
      yield* client.until(() => client.sequences().length >= 2)
      assert.deepStrictEqual(client.sequences(), [scan.sequence, odd.sequence])
      const { body } = yield* send(`${yield* Url}/v1/events?after=${before.sequence}`)
      const { events } = body as { readonly events: ReadonlyArray<EventSummary> }
      const entries = client.messages.filter(({ event }) => event === "entry")
      assert.deepStrictEqual(entries.map(({ data }) => data), [...events])
      // A status carries the sequence up to which the client has the log, so the client can continue from any
      // message.
      const at = client.statuses().length
      yield* client.until(() => client.statuses().length > at)
      assert.strictEqual(client.messages.at(-1)?.id, String(odd.sequence))
    }))

  it.effect("continues after the last message, in order, without gaps or repetitions, while events arrive", () =>
    Effect.gen(function*() {
      const { sequence: start } = yield* append("evt_start")
      yield* appendMany("evt_missed", 700)
      const client = yield* connect({ headers: { "last-event-id": String(start) }, query: "?after=0" })
      const byQuery = yield* connect({ query: `?after=${start}` })
      yield* appendMany("evt_meanwhile", 500)
      const { lastSequence } = yield* (yield* EventLog).state
      for (const each of [client, byQuery]) {
        yield* each.until(() => (each.sequences().at(-1) ?? 0) >= lastSequence)
        assert.deepStrictEqual(
          each.sequences(),
          Array.from({ length: 1_200 }, (_, index) => start + 1 + index)
        )
        assert.deepStrictEqual(each.skips(), [])
      }
    }))

  it.effect("can be read by the typed client", () =>
    Effect.gen(function*() {
      const { sequence } = yield* append("evt_typed")
      const messages = yield* Effect.flatMap(
        AdminClient,
        ({ live }) => live.live({ headers: { "last-event-id": sequence - 1 }, query: {} })
      )
      const [entry, status] = yield* Effect.all([
        Stream.runHead(Stream.filter(messages, ({ event }) => event === "entry")),
        Effect.flatMap(AdminClient, ({ live }) => live.live({ headers: {}, query: {} })).pipe(
          Effect.flatMap(Stream.runHead)
        )
      ])
      assert.deepInclude(Option.getOrThrow(entry).data, { id: "evt_typed", sequence })
      assert.deepInclude(Option.getOrThrow(status).data, { ready: true })
    }))

  it.effect("starts with the first entry for a client that names a sequence of another log", () =>
    Effect.gen(function*() {
      const { firstSequence } = yield* (yield* EventLog).state
      const client = yield* connect({ headers: { "last-event-id": "900000000" } })
      yield* client.until(() => client.sequences().length > 0)
      assert.strictEqual(client.sequences()[0], firstSequence)
    }))

  it.effect("refuses a position that is not a sequence", () =>
    Effect.gen(function*() {
      const { body, status } = yield* send(`${yield* Url}/v1/live`, { headers: { "last-event-id": "abc" } })
      assert.strictEqual(status, 400)
      assert.include(body, { type: "urn:threeqpr-events:problem:invalid-request" })
      assert.strictEqual((yield* send(`${yield* Url}/v1/live?after=-1`)).status, 400)
    }))

  it.effect(
    "reads the log and polls the processes once for all clients, and not at all without clients",
    () =>
      Effect.gen(function*() {
        const { connection } = yield* Nats
        let looks = 0
        const seen = yield* Effect.acquireRelease(
          Effect.sync(() => connection.subscribe(countersSubject, { callback: () => void looks++ })),
          (subscription) => Effect.sync(() => subscription.unsubscribe())
        )
        yield* untilReaders(0)
        const clients = yield* Effect.forEach(Array.from({ length: 10 }), () => connect())
        for (const client of clients) yield* client.until(() => client.statuses().length >= 3)
        // Ten clients that each poll the processes would have polled 30 times by now.
        assert.isBelow(looks, 25)
        assert.isAtMost(yield* readers, 3)
        for (const client of clients) client.close()
        yield* untilReaders(0)
        const after = looks
        yield* Effect.sleep(2_500)
        assert.isAtMost(looks, after + 1)
        seen.unsubscribe()
      }),
    180_000
  )

  it.effect(
    "closes only the connection of a client that reads nothing for too long",
    () =>
      Effect.gen(function*() {
        const { open } = yield* Feed
        const cut = yield* Deferred.make<string>()
        const client = (name: string) => open(undefined, () => Deferred.doneUnsafe(cut, Effect.succeed(name)))
        const reading = yield* Effect.flatMap(client("the one that reads"), Stream.runCount).pipe(
          Effect.scoped,
          Effect.forkChild
        )
        yield* client("the one that takes nothing")
        assert.strictEqual(yield* Deferred.await(cut), "the one that takes nothing")
        assert.isUndefined(reading.pollUnsafe())
      }).pipe(
        Effect.scoped,
        Effect.provide(Feed.layer({ patience: 1_500 }).pipe(Layer.provide(Draining.layer)))
      ),
    30_000
  )

  it.effect("accepts a bounded number of clients, and another one when a client leaves", () =>
    Effect.gen(function*() {
      const clients = yield* Effect.forEach(Array.from({ length: mostClients }), () => connect(), {
        concurrency: 16
      })
      assert.isTrue(clients.every(({ status }) => status === 200))
      const refused = yield* send(`${yield* Url}/v1/live`)
      assert.strictEqual(refused.status, 503)
      assert.strictEqual(refused.headers.get("content-type"), "application/problem+json")
      assert.include(refused.body, { type: "urn:threeqpr-events:problem:too-many-clients", status: 503 })
      clients[0]?.close()
      const again = yield* poll(connect(), ({ status }) => status === 200)
      assert.strictEqual(again.status, 200)
    }))

  it.effect("sums the counters of all processes; a restart or an end never makes a rate negative", () =>
    Effect.gen(function*() {
      const a = yield* otherProcess("host-a:1", 1_000)
      const b = yield* otherProcess("host-b:1", 500)
      const client = yield* connect()
      const status = () => client.statuses().at(-1)
      yield* client.until(() => status()?.instances === 2)
      assert.deepInclude(status()?.totals, {
        deliveries: { stored: 1_500, duplicate: 2 },
        projected: { scans: 1_500 }
      })
      assert.deepStrictEqual(status()?.processes.map(({ instance }) => instance), ["host-a:1", "host-b:1"])
      a.state.stored += 100
      yield* client.until(() => client.statuses().some(({ rates }) => (rates?.deliveries["stored"] ?? 0) > 0))
      // It restarts under the same name, with a lower count than before.
      a.state.started_at = new Date().toISOString()
      a.state.stored = 7
      yield* client.until(() => status()?.totals?.deliveries["stored"] === 507)
      b.end()
      yield* client.until(() => status()?.instances === 1)
      const all = client.statuses().flatMap(({ rates }) => Object.values(rates?.deliveries ?? {}))
      assert.isTrue(all.length > 0 && all.every((rate) => rate >= 0))
    }))
})
