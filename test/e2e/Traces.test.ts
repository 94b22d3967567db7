// Runs: long

import { assert, describe } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as Collector from "../support/Collector.ts"
import { newStores } from "../support/Databases.ts"
import { deliver, send } from "../support/Http.ts"
import { test } from "../support/Live.ts"
import { poison, refusePoisonAt } from "../support/Poison.ts"
import { type Serve, serve } from "../support/Serve.ts"
import { poll } from "../support/Until.ts"
import { scanCreated, secret, signed } from "../support/Webhook.ts"

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
const callersSpan = "00f067aa0ba902b7"
const traceparent = `00-${traceId}-${callersSpan}-01`

const start = (environment: Readonly<Record<string, string>> = {}) =>
  Effect.flatMap(
    newStores,
    (stores) => serve({ ...stores, THREEQPR_WEBHOOK_SECRET: Redacted.value(secret), ...environment })
  )

const deliverScan = ({ webhook }: Serve, id: string, headers: Readonly<Record<string, string>> = {}) =>
  Effect.map(
    deliver(webhook, signed(scanCreated(id)), headers),
    ({ status }) => assert.strictEqual(status, 200)
  )

const untilProjected = ({ admin }: Serve, id: string) =>
  poll(send(`${admin}/v1/scans/scan_of_${id}`), ({ status }) => status === 200)

const headersOf = ({ admin }: Serve, id: string) =>
  Effect.map(
    send(`${admin}/v1/events/${id}`),
    ({ body }) => (body as { readonly headers: Readonly<Record<string, string>> }).headers
  )

const delivery = "POST /webhooks/3qpr"
const append = "EventLog.append"
const batch = "Consumer.handle scans-1"

const named = ({ spans }: Collector.Collector, name: string) => spans.filter((span) => span.name === name)

/** The span of an event's append. */
const appendOf = (collector: Collector.Collector, id: string) =>
  named(collector, append).find(({ attributes }) => attributes["messaging.message.id"] === id)

/** The batches in which an event was handled. The span of a batch is a child of the append, or is linked to it. */
const batchesOf = (collector: Collector.Collector, id: string) => {
  const spanId = appendOf(collector, id)?.spanId
  return named(collector, batch).filter(({ links, parentSpanId }) =>
    spanId !== undefined && (parentSpanId === spanId || links.some((link) => link.spanId === spanId))
  )
}

describe("traces", () => {
  test(
    "a delivery is one trace from the caller to the row, in spans, headers, logs and metrics",
    Effect.gen(function*() {
      const collector = yield* Collector.start()
      const server = yield* start({
        OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20c0llector,x-tenant=a",
        OTEL_SERVICE_NAME: "the-receiver"
      })
      yield* deliverScan(server, "evt_1", { traceparent })
      yield* untilProjected(server, "evt_1")
      const headers = yield* headersOf(server, "evt_1")
      yield* collector.until((collector) => batchesOf(collector, "evt_1").length > 0)

      const [received] = named(collector, delivery)
      const appended = appendOf(collector, "evt_1")
      const [handled] = batchesOf(collector, "evt_1")
      assert.deepInclude(received, { traceId, parentSpanId: callersSpan, service: "the-receiver" })
      assert.deepInclude(received?.attributes, { "http.response.status_code": 200 })
      assert.deepInclude(appended, { traceId, parentSpanId: received?.spanId })
      assert.strictEqual(headers["traceparent"], `00-${traceId}-${appended?.spanId}-01`)
      assert.deepInclude(handled, { traceId, parentSpanId: appended?.spanId })
      const below = new Set([handled?.spanId])
      const rows = collector.spans.filter((span) => {
        const isBelow = span.traceId === traceId && span.name.startsWith("sql")
        return isBelow && below.add(span.spanId)
      })
      assert.isNotEmpty(rows.filter(({ parentSpanId }) => below.has(parentSpanId)), "the row's own SQL")

      yield* collector.until(({ logs }) => logs.some(({ text }) => text.startsWith("ready in ")))
      for (const path of ["/v1/traces", "/v1/logs"]) {
        const request = collector.requests.find((request) => request.path === path)
        assert.deepInclude(request?.headers, { authorization: "Bearer c0llector", "x-tenant": "a" })
      }
      assert.strictEqual(yield* server.end("SIGTERM"), 0)
      assert.isTrue(collector.metrics.has("threeqpr_deliveries_total"), "metrics are sent when it stops")
    })
  )

  test(
    "an invalid or unsigned traceparent is ignored, a private request has its own trace, health and metrics have none",
    Effect.gen(function*() {
      const collector = yield* Collector.start()
      const server = yield* start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
      const malformed = [
        "",
        "junk",
        `00-${"0".repeat(32)}-${callersSpan}-01`,
        `00-${traceId}-01`,
        `${traceparent}-x`
      ]
      for (const [index, traceparent] of malformed.entries()) {
        yield* deliverScan(server, `evt_${index}`, { traceparent })
      }
      const { body } = signed(scanCreated("evt_unsigned"))
      yield* deliver(server.webhook, { body, signature: `sha256=${"0".repeat(64)}` }, { traceparent })
      for (const path of ["/livez", "/readyz", "/metrics"]) yield* send(`${server.admin}${path}`)
      yield* send(`${server.admin}/v1/scans`, { headers: { traceparent } })
      yield* collector.until((collector) =>
        named(collector, delivery).length === malformed.length + 1 && named(collector, "GET").length > 0
      )
      const traces = new Set(named(collector, delivery).map(({ traceId }) => traceId))
      assert.strictEqual(traces.size, malformed.length + 1)
      for (const span of named(collector, delivery)) assert.isUndefined(span.parentSpanId)
      assert.isFalse(traces.has(traceId))
      const [query, ...more] = named(collector, "GET")
      assert.deepInclude(query, { traceId, parentSpanId: callersSpan })
      assert.isEmpty(more)
    })
  )

  test(
    "a batch is linked to each of its events, and a dead letter and its redrive to their event",
    Effect.gen(function*() {
      const collector = yield* Collector.start()
      const shared = { ...(yield* newStores), OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }
      yield* refusePoisonAt(shared.DATABASE_URL)
      const server = yield* start(shared)
      const ids = Array.from({ length: 60 }, (_, index) => `evt_${index}`)
      yield* Effect.forEach(ids, (id) => deliverScan(server, id), { concurrency: 30, discard: true })
      yield* Effect.forEach(ids, (id) => untilProjected(server, id), { discard: true })
      yield* collector.until((collector) => ids.every((id) => batchesOf(collector, id).length > 0))
      const several = named(collector, batch).filter(({ links }) => links.length > 1)
      assert.isNotEmpty(several, "some events came together")
      for (const span of several) assert.isUndefined(span.parentSpanId)
      for (const id of ids) assert.lengthOf(batchesOf(collector, id), 1, id)

      yield* deliver(server.webhook, signed(scanCreated("evt_poison", { city: poison })), { traceparent })
      const letters = Effect.map(
        send(`${server.admin}/v1/dead-letters`),
        ({ body }) =>
          (body as { readonly dead_letters: ReadonlyArray<{ readonly attempts: number }> }).dead_letters
      )
      yield* poll(letters, ({ length }) => length > 0)
      yield* send(`${server.admin}/v1/dead-letters/redrive`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ all: true, by: "the tests" })
      })
      yield* poll(letters, ([letter]) => letter?.attempts === 2)
      yield* collector.until((collector) => batchesOf(collector, "evt_poison").length === 2)
      for (const span of batchesOf(collector, "evt_poison")) assert.strictEqual(span.traceId, traceId)
      const put = named(collector, "DeadLetters.put").filter((span) => span.traceId === traceId)
      assert.lengthOf(put, 2)
    })
  )

  test(
    "without an endpoint there is no trace header in the log and no trace id in log lines",
    Effect.gen(function*() {
      const server = yield* start()
      yield* deliverScan(server, "evt_1", { traceparent })
      yield* untilProjected(server, "evt_1")
      assert.notProperty(yield* headersOf(server, "evt_1"), "traceparent")
      assert.notInclude(server.logs.join("\n"), traceId)
    })
  )

  test(
    "unsampled traces are not exported, and their header marks them as unsampled",
    Effect.gen(function*() {
      const collector = yield* Collector.start()
      const server = yield* start({
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_TRACES_SAMPLER: "parentbased_always_off"
      })
      yield* deliverScan(server, "evt_off")
      yield* deliverScan(server, "evt_unwanted", { traceparent: traceparent.replace(/1$/, "0") })
      for (const id of ["evt_off", "evt_unwanted"]) yield* untilProjected(server, id)
      yield* deliverScan(server, "evt_on", { traceparent })
      assert.match((yield* headersOf(server, "evt_off"))["traceparent"] ?? "", /-00$/)
      yield* collector.until((collector) => batchesOf(collector, "evt_on").length > 0)
      assert.lengthOf(named(collector, delivery), 1)
      assert.deepStrictEqual([...new Set(collector.spans.map(({ traceId }) => traceId))], [traceId])
    })
  )

  for (
    const [what, answer] of [
      ["begins an answer and hangs", (response) => void response.writeHead(200).write("{")],
      ["answers 500", (response) => void response.writeHead(500).end()]
    ] satisfies ReadonlyArray<readonly [string, NonNullable<Parameters<typeof Collector.start>[0]>]>
  ) {
    test(
      `a collector that ${what} affects neither deliveries nor shutdown`,
      Effect.gen(function*() {
        const collector = yield* Collector.start(answer)
        const server = yield* start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
        yield* collector.until(({ requests }) => requests.length > 0)
        const ids = Array.from({ length: 300 }, (_, index) => `evt_${index}`)
        yield* Effect.forEach(ids, (id) => deliverScan(server, id), { concurrency: 20, discard: true })
        yield* untilProjected(server, "evt_299")
        yield* collector.until(({ requests }) => requests.some(({ path }) => path === "/v1/traces"))
        const began = performance.now()
        assert.strictEqual(yield* server.end("SIGTERM"), 0)
        assert.isBelow(performance.now() - began, 15_000)
      })
    )
  }
})
