import { Console, Effect, Layer, Redacted } from "effect"
import { HttpServer } from "effect/http"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import * as Admin from "../../../src/Admin/Admin.ts"
import { Consumers } from "../../../src/Consumer/Consumer.ts"
import { Database } from "../../../src/Database/Database.ts"
import * as Migrations from "../../../src/Database/Migrations.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import { eventSubject } from "../../../src/EventLog/Names.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { projections } from "../../../src/Projector/Projections.ts"
import * as Projector from "../../../src/Projector/Projector.ts"
import { entryOf } from "../../contract/EventLog.ts"
import * as Broker from "../../support/Broker.ts"
import { drawsOf } from "../../support/Faults/Bodies.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import * as Postgres from "../../support/Postgres.ts"
import type { Part } from "../Part.ts"

/**
 * The time of the private listener's answers with few and with many scans in the log and the read models. Uses a
 * real broker and Postgres, one client and all documented parameters.
 */
export const queries: Part = {
  name: "queries",
  about: "milliseconds of each query with ten thousand scans and with a million (--size)",
  onlyWhenNamed: true,
  run: Effect.fnUntraced(function*({ size = 1_000_000 }) {
    const least = yield* withSize(few)
    const most = yield* withSize(size)
    const rows = requests(size).map((path, at) => ({
      path: path.replaceAll(/\d{4}-\d\d-\d\dT[^&]+/g, "…"),
      [`${few} p50`]: milliseconds(least[at]?.p50),
      [`${few} p99`]: milliseconds(least[at]?.p99),
      [`${size} p50`]: milliseconds(most[at]?.p50),
      [`${size} p99`]: milliseconds(most[at]?.p99),
      ratio: milliseconds((most[at]?.p50 ?? NaN) / (least[at]?.p50 ?? NaN))
    }))
    return { rows, notes: [`milliseconds of ${calls} calls, one client`], failures: [] }
  }, Effect.orDie)
}

const milliseconds = (value: number | undefined) => (value ?? NaN).toFixed(1)

const few = 10_000
const calls = 300

const countries = ["US", "CH", "DE", "FR", "JP", "BR", "IN", "GB", "IT", "ES", "KE", "AU"]
const day = 86_400_000
const now = Date.now()

/**
 * Scan number `at` of `size`, and the conversation that it starts. The scans belong to 20 codes over 90 days, in
 * order within about an hour. More than a third of them belong to `qpr_0`.
 */
const pairOf = (draw: () => number, at: number, size: number) => {
  const pick = (from: ReadonlyArray<string>) => from[Math.floor(draw() * from.length)]
  const time = new Date(now - (1 - at / size) * 90 * day - draw() * 3_600_000).toISOString()
  const started = at % 2 === 0
  const qpr_code_id = `qpr_${Math.floor(draw() ** 3 * 20)}`
  const scan = {
    id: `scan_${at}`,
    qpr_code_id,
    short_id: "hc9m3r",
    scanned_at: time,
    country: pick(countries),
    region: "CA",
    city: "San Francisco",
    device: pick(["mobile", "desktop", "tablet"]),
    conversation_started: started,
    conversation_messages: started ? 6 : 0,
    metadata: {}
  }
  const conversation = { id: `conv_${at}`, qpr_code_id, completed_at: time, message_count: 6 }
  return { scan, conversation: started ? conversation : undefined }
}

/** Appends the scans, and a conversation for every second one, and waits until all are projected. */
const fill = Effect.fnUntraced(function*(size: number) {
  const { append } = yield* EventLog
  const draw = drawsOf(1)
  const store = (id: string, type: string, data: unknown) =>
    append(entryOf(id, {
      subject: eventSubject(type),
      type,
      body: Buffer.from(JSON.stringify({ id, event: type, data })),
      receivedAt: Date.now()
    })).pipe(Effect.retry({ times: 20 }))
  yield* Effect.forEach(Array.from({ length: size }, (_, at) => at), (at) => {
    const { conversation, scan } = pairOf(draw, at, size)
    const stored = store(`evt_s${at}`, "scan.created", scan)
    return conversation === undefined
      ? stored
      : Effect.andThen(stored, store(`evt_c${at}`, "conversation.completed", conversation))
  }, { concurrency: 400, discard: true })
  const consumers = yield* Consumers
  yield* Effect.repeat(Effect.delay(consumers.standings, "500 millis"), {
    until: (standings) =>
      standings.length === projections.length
      && standings.every(({ inFlight, pending }) => pending + inFlight === 0)
  })
  const sql = yield* SqlClient
  yield* sql`vacuum analyze`
})

const ago = (days: number) => new Date(now - days * day).toISOString()

const requests = (size: number): ReadonlyArray<string> => [
  "/v1/scans",
  "/v1/scans?limit=200",
  `/v1/scans?offset=${Math.floor(size / 2)}`,
  "/v1/scans?qpr_code_id=qpr_0",
  `/v1/scans?qpr_code_id=qpr_0&offset=${Math.floor(size / 6)}`,
  `/v1/scans?since=${ago(40)}&until=${ago(10)}`,
  `/v1/scans?qpr_code_id=qpr_0&since=${ago(40)}&until=${ago(10)}&offset=${Math.floor(size / 20)}`,
  "/v1/scans/scan_77",
  "/v1/conversations",
  `/v1/conversations?qpr_code_id=qpr_0&since=${ago(40)}&offset=${Math.floor(size / 20)}`,
  "/v1/conversations/conv_78",
  "/v1/qpr-codes/qpr_0/analytics",
  ...["7d", "30d", "90d", "all"].flatMap((period) =>
    ["hour", "day", "week"].map((granularity) =>
      `/v1/qpr-codes/qpr_0/analytics?period=${period}&granularity=${granularity}`
    )
  ),
  "/v1/analytics?period=7d&granularity=hour",
  "/v1/analytics",
  "/v1/analytics?period=all&granularity=week",
  "/v1/events",
  "/v1/events?limit=200",
  `/v1/events?before=${size}`,
  `/v1/events?after=${size}&limit=50&bodies=true`,
  "/v1/events?type=subscription.created",
  "/v1/events?type=conversation.completed&limit=50",
  "/v1/events/evt_s77",
  "/v1/events/evt_s77/life",
  "/v1/consumers",
  "/v1/status",
  "/v1/projections",
  "/v1/dead-letters",
  "/v1/quarantine",
  "/v1/operations",
  "/v1/reconciliations",
  "/v1/rejections",
  "/readyz",
  "/metrics",
  "/"
]

interface Measured {
  readonly p50: number
  readonly p99: number
}

const measure = Effect.fnUntraced(function*(base: string, path: string) {
  const times: Array<number> = []
  yield* Effect.promise(async () => {
    for (let call = -20; call < calls; call++) {
      const began = performance.now()
      const response = await fetch(base + path)
      await response.arrayBuffer()
      if (response.status !== 200) throw new Error(`${path} answers ${response.status}`)
      if (call >= 0) times.push(performance.now() - began)
    }
  })
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(share * (times.length - 1))] ?? NaN
  return { p50: at(0.5), p99: at(0.99) } satisfies Measured
})

const withSize = Effect.fnUntraced(function*(size: number) {
  const { url } = yield* Postgres.start
  const database = Database.layer({ url: Redacted.make(url), dataDir: "" }).pipe(
    Layer.provide(Broker.platform)
  )
  const listener = Admin.layer({ host: "127.0.0.1", port: 0 }).pipe(
    Layer.provideMerge(Projector.layer(projections)),
    Layer.provideMerge(Layer.mergeAll(consumersOnBroker, ProcessHealth.layer)),
    Layer.provideMerge(Migrations.layer),
    Layer.provideMerge(database)
  )
  return yield* Effect.gen(function*() {
    const began = performance.now()
    yield* fill(size)
    yield* Console.error(
      `${size} scans stored and projected in ${((performance.now() - began) / 1_000).toFixed(0)} s`
    )
    const base = HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
    return yield* Effect.forEach(requests(size), (path) => measure(base, path))
  }).pipe(Effect.provide(listener))
}, Effect.scoped)
