import { Console, Effect, Layer, Redacted } from "effect"
import { HttpServer } from "effect/http"
import { SqlClient } from "effect/sql/SqlClient"
import * as Admin from "../../../src/Admin.ts"
import { Database } from "../../../src/Database.ts"
import * as Migrations from "../../../src/Database/Migrations.ts"
import { conversations } from "../../../src/Projections/Conversations.ts"
import { qprCodes } from "../../../src/Projections/QprCodes.ts"
import { scans } from "../../../src/Projections/Scans.ts"
import type { Decoded } from "../../../src/Projector/Batch.ts"
import { Vitals } from "../../../src/Vitals.ts"
import * as Broker from "../../support/Broker.ts"
import { drawsOf } from "../../support/Faults/Bodies.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import * as Postgres from "../../support/Postgres.ts"
import { delivered, given } from "../../support/Specification.ts"
import type { Part } from "../Part.ts"

/** What the query API costs with few and with many scans: real Postgres, one client, all documented parameters. */
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

/** Scans of 20 codes over 90 days, more than a third of them of `qpr_0`, and a conversation for every second one. */
const fill = Effect.fnUntraced(function*(size: number) {
  const draw = drawsOf(1)
  const pick = (from: ReadonlyArray<string>) => from[Math.floor(draw() * from.length)]
  yield* given(qprCodes)
  const models = [yield* given(scans), yield* given(conversations)] as const
  for (let from = 0; from < size; from += 5_000) {
    const batches: [Array<Decoded>, Array<Decoded>] = [[], []]
    for (let at = from; at < Math.min(size, from + 5_000); at++) {
      const time = new Date(now - draw() * 90 * day).toISOString()
      const started = at % 2 === 0
      const qpr_code_id = `qpr_${Math.floor(draw() ** 3 * 20)}`
      batches[0].push(delivered(2 * at + 1, `evt_s${at}`, "scan.created", {
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
      }))
      if (!started) continue
      batches[1].push(delivered(2 * at + 2, `evt_c${at}`, "conversation.completed", {
        id: `conv_${at}`,
        qpr_code_id,
        completed_at: time,
        message_count: 6
      }))
    }
    yield* models[0].when(batches[0])
    yield* models[1].when(batches[1])
  }
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
  "/v1/analytics?period=all&granularity=week"
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
    Layer.provideMerge(Layer.mergeAll(consumersOnBroker, Vitals.layer)),
    Layer.provideMerge(Migrations.layer),
    Layer.provideMerge(database)
  )
  return yield* Effect.gen(function*() {
    const began = performance.now()
    yield* fill(size)
    yield* Console.error(`${size} scans written in ${((performance.now() - began) / 1_000).toFixed(0)} s`)
    const base = HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
    return yield* Effect.forEach(requests(size), (path) => measure(base, path))
  }).pipe(Effect.provide(listener))
}, Effect.scoped)
