// Runs: long, node first

import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Schedule } from "effect"
import { FetchHttpClient, HttpServer } from "effect/http"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import * as Admin from "../../../src/Admin/Admin.ts"
import { AdminClient } from "../../../src/Admin/Client.ts"
import { Consumers } from "../../../src/Consumer/Consumer.ts"
import { DeadLetters } from "../../../src/EventLog/DeadLetters.ts"
import { idOf } from "../../../src/EventLog/Delivered.ts"
import { ErasedIds } from "../../../src/EventLog/ErasedIds.ts"
import * as Follow from "../../../src/EventLog/ErasedIds/Follow.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import * as JetStream from "../../../src/EventLog/JetStream.ts"
import {
  bodyId,
  erasedStream,
  eventSubjects,
  probeSubject,
  quarantineSubjects
} from "../../../src/EventLog/Names.ts"
import { PublicListener } from "../../../src/Ingress/Http.ts"
import { Ingress, type Receipt } from "../../../src/Ingress/Ingress.ts"
import * as Rejections from "../../../src/Ingress/RecentRejections.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { projections } from "../../../src/Projector/Projections.ts"
import * as Signature from "../../../src/Signature/Signature.ts"
import { postgres } from "../../support/Databases.ts"
import { filesWith } from "../../support/Files.ts"
import { deliver } from "../../support/Http.ts"
import { topology } from "../../support/Log.ts"
import * as NatsProcess from "../../support/NatsProcess.ts"
import { countOf, projectorOf, rebuilt, unequal, untilCount } from "../../support/Projecting.ts"
import { untilDone } from "../../support/Redrive.ts"
import { until } from "../../support/Until.ts"
import { scanCreated, secret, signed } from "../../support/Webhook.ts"

const client = Layer.unwrap(
  Effect.map(
    HttpServer.HttpServer,
    ({ address }) => AdminClient.layer({ url: HttpServer.formatAddress(address) })
  )
).pipe(Layer.provide(FetchHttpClient.layer))

const running = (broker: NatsProcess.NatsProcess, erasedIds: Layer.Layer<never, never, Nats>) =>
  client.pipe(
    Layer.provideMerge(Admin.layer({ host: "127.0.0.1", port: 0 })),
    Layer.provideMerge(projectorOf(...projections)),
    Layer.provideMerge(PublicListener.layer({
      host: "127.0.0.1",
      port: 0,
      maxBodyBytes: undefined,
      maxInFlight: 16
    })),
    Layer.provideMerge(Ingress.layer(Signature.verifier([secret]))),
    Layer.provideMerge(Consumers.layer),
    Layer.provideMerge(DeadLetters.layer),
    Layer.provideMerge(
      Layer.mergeAll(JetStream.layer(topology), ProcessHealth.layer, postgres.layer, erasedIds)
    ),
    Layer.provideMerge(Nats.layer({ servers: [broker.url], token: Redacted.make(broker.token) }))
  )

const marker = "personal-data-of-ann"

/** An event that a read model knows, one of an unknown type, and quarantined input with and without an id. */
const captured = [
  signed(scanCreated("evt_scan", { city: marker })),
  signed(`{"id":"evt_unknown","event":"menu.opened","data":{"text":"${marker}"}}`),
  signed(`{"id":"evt_invalid","event":"scan.created","data":{"text":"${marker}"}}`),
  signed(`no JSON, ${marker}`)
]
const others = [signed(scanCreated("evt_other")), signed(`{"id":"evt_menu","event":"menu.opened","data":{}}`)]

/** Retries for up to 20 seconds while the broker starts. */
const patiently = { times: 400, schedule: Schedule.spaced("50 millis") }

/** Accepts all deliveries. Each receipt includes the expected facts. */
const deliverAll = (deliveries: ReadonlyArray<ReturnType<typeof signed>>, expected: Partial<Receipt>) =>
  Effect.gen(function*() {
    const { accept } = yield* Ingress
    yield* Effect.forEach(deliveries, ({ body, signature }) =>
      accept(body, signature).pipe(
        Effect.retry(patiently),
        Effect.map((answer) => assert.deepInclude(answer, { ok: true, ...expected }))
      ))
  })

/** Delivers everything, then erases what has the marker. */
const deliverAndErase = Effect.gen(function*() {
  yield* deliverAll([...captured, ...others], { duplicate: false })
  yield* untilCount("scans", 2)
  const { events, forget } = yield* AdminClient
  const { events: all } = yield* events.list({ query: { limit: 10 } })
  for (const { id } of all.filter(({ id }) => id !== "evt_other" && id !== "evt_menu")) {
    const { operation } = yield* forget.begin({ payload: { event_id: id, by: "ann", reason: "asked" } })
    yield* untilDone(operation)
  }
  assert.deepStrictEqual(yield* stored, ["evt_menu", "evt_other"])
})

/** The ids of all entries of the log. */
const stored = Effect.flatMap(
  EventLog,
  ({ read }) => Effect.map(read({ after: 0, limit: 100 }), ({ entries }) => entries.map(idOf).toSorted())
)

/** The tables that contain a text. */
const tablesWith = Effect.fnUntraced(function*(text: string) {
  const sql = yield* SqlClient
  const tables = yield* sql<{ readonly name: string }>`
    select tablename as name from pg_tables where schemaname = current_schema()`
  const found = yield* Effect.forEach(tables, ({ name }) =>
    Effect.map(
      sql`select 1 from ${sql(name)} as row where row::text like ${`%${text}%`}`,
      (rows) => rows.length > 0 ? [name] : []
    ))
  return found.flat()
})

/** Every stored copy of the marker: the files of the broker, and the tables. */
const copies = (broker: NatsProcess.NatsProcess) =>
  Effect.all([filesWith(broker.storage, marker), tablesWith(marker)])

const forgedOf = (body: Uint8Array) => ({ body, signature: `sha256=${"0".repeat(64)}` })

describe("a delivery that is repeated after its erasure", () => {
  it.live(
    "is erased again, whatever its kind, when neither the broker nor the receiver knows its id",
    () =>
      Effect.gen(function*() {
        const broker = yield* NatsProcess.start()
        yield* Effect.gen(function*() {
          const { rejections, url } = yield* PublicListener
          yield* Rejections.answer(rejections, () => [])
          // Refused, as if this process did not have the secret yet.
          const forged = forgedOf(signed(scanCreated("evt_refused", { city: marker })).body)
          assert.strictEqual((yield* deliver(`${url}/webhooks/3qpr`, forged)).status, 400)
          assert.include(Buffer.from(rejections.all()[0]?.head ?? []).toString(), marker)
          yield* deliverAndErase
          assert.deepStrictEqual([rejections.all(), rejections.refused], [[], 1])

          yield* broker.signal("SIGKILL")
          yield* broker.start
          yield* deliverAll(captured, { duplicate: false })
          yield* until("they are erased", stored, (ids) => ids.join() === "evt_menu,evt_other")
          assert.deepStrictEqual(yield* copies(broker), [[], []])
          assert.strictEqual(yield* countOf("scans"), 1)
          const verified = yield* rebuilt("scans", "verify")
          assert.deepStrictEqual(unequal(verified?.result), [])
        }).pipe(Effect.provide(running(broker, Layer.empty)))
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "is not stored again by a receiver that knows its id, also after the broker has lost all hashes",
    () =>
      Effect.gen(function*() {
        const broker = yield* NatsProcess.start()
        yield* Effect.gen(function*() {
          yield* deliverAndErase
          const { has, mayHave } = yield* ErasedIds
          const ids = ["evt_scan", "evt_unknown", "evt_invalid", ...captured.map(({ body }) => bodyId(body))]
          yield* until("the receiver knows them", Effect.sync(() => ids.every(mayHave)), (all) => all)
          const { connection } = yield* Nats
          const manager = yield* Effect.promise(() => connection.jetstreamManager())
          const areKnown = until(
            "the hashes are published again",
            Effect.forEach(ids, has),
            (found) => found.every((known) => known)
          )
          yield* Effect.promise(() => manager.streams.delete(erasedStream))
          yield* areKnown
          yield* Effect.promise(() => manager.streams.delete(erasedStream))
          yield* broker.signal("SIGKILL")
          yield* broker.start
          yield* areKnown
          const published: Array<string> = []
          for (const subject of [eventSubjects, quarantineSubjects]) {
            connection.subscribe(subject, { callback: (_, msg) => void published.push(msg.subject) })
          }
          yield* deliverAll(captured, { duplicate: true, erased: true })
          const { rejections, url } = yield* PublicListener
          for (const { body } of captured) {
            assert.strictEqual((yield* deliver(`${url}/webhooks/3qpr`, forgedOf(body))).status, 400)
          }
          assert.deepStrictEqual(rejections.all().map(({ head }) => head.length), captured.map(() => 0))
          yield* Effect.promise(() => connection.flush())
          assert.deepStrictEqual(published.filter((subject) => subject !== probeSubject), [])
          assert.deepStrictEqual(yield* copies(broker), [[], []])
        }).pipe(Effect.provide(running(broker, Follow.layer)))
      }).pipe(Effect.scoped),
    60_000
  )
})
