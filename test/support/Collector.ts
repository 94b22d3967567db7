import { Effect, type Scope } from "effect"
import { Buffer } from "node:buffer"
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** A received span, with its attributes as a plain record. */
export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  readonly kind: number
  readonly attributes: Readonly<Record<string, unknown>>
  readonly links: ReadonlyArray<{ readonly traceId: string; readonly spanId: string }>
  readonly status: { readonly code: number }
  readonly service: unknown
}

export interface ReceivedLog {
  readonly text: string
  readonly severity: string
  readonly traceId: string | undefined
}

/** An OpenTelemetry collector that receives OTLP over HTTP as JSON, and answers as configured. */
export interface Collector {
  readonly url: string
  readonly spans: ReadonlyArray<ReceivedSpan>
  readonly logs: ReadonlyArray<ReceivedLog>
  readonly metrics: ReadonlySet<string>
  /** Requests so far, answered or not. */
  readonly requests: ReadonlyArray<{ readonly path: string; readonly headers: IncomingHttpHeaders }>
  /** All that was received, as text. */
  readonly text: () => string
  /** Waits until a condition holds for what was received. */
  readonly until: (holds: (collector: Collector) => boolean) => Effect.Effect<void>
}

type Value = Readonly<Record<string, unknown>>
type Attribute = { readonly key: string; readonly value: Value }

const valueOf = (value: Value | undefined) => Object.values(value ?? {})[0]
const recordOf = (attributes: ReadonlyArray<Attribute>) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]))

const accept = (response: ServerResponse) =>
  void response.writeHead(200, { "content-type": "application/json" }).end("{}")

/** Starts a collector until the scope ends. `answer` is called after each request has been read. */
export const start = (
  answer: (response: ServerResponse) => void = accept
): Effect.Effect<Collector, never, Scope.Scope> => {
  const spans: Array<ReceivedSpan> = []
  const logs: Array<ReceivedLog> = []
  const metrics = new Set<string>()
  const requests: Array<Collector["requests"][number]> = []
  const bodies: Array<string> = []
  const waiting = new Set<() => void>()

  const take = (body: string) => {
    bodies.push(body)
    const { resourceLogs = [], resourceMetrics = [], resourceSpans = [] } = JSON.parse(body)
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = recordOf(resource.attributes)["service.name"]
      for (const span of scopeSpans.flatMap(({ spans }: { readonly spans: unknown }) => spans)) {
        spans.push({ ...span, service, attributes: recordOf(span.attributes) })
      }
    }
    for (const { scopeLogs } of resourceLogs) {
      for (const { logRecords } of scopeLogs) {
        for (const { body, severityText: severity, traceId } of logRecords) {
          logs.push({ text: String(valueOf(body)), severity, traceId })
        }
      }
    }
    for (const { scopeMetrics } of resourceMetrics) {
      for (const { name } of scopeMetrics.flatMap((one: { readonly metrics: unknown }) => one.metrics)) {
        metrics.add(name)
      }
    }
  }

  const server = createServer((request, response) => {
    const chunks: Array<Uint8Array> = []
    request.on("data", (chunk) => chunks.push(chunk))
    request.on("end", () => {
      requests.push({ path: request.url ?? "", headers: request.headers })
      take(Buffer.concat(chunks).toString())
      answer(response)
      for (const look of waiting) look()
    })
  })
  return Effect.acquireRelease(
    Effect.callback<Collector>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const collector: Collector = {
          url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
          spans,
          logs,
          metrics,
          requests,
          text: () => bodies.join("\n"),
          until: (holds) =>
            Effect.callback((resume) => {
              const look = () => {
                if (!holds(collector)) return
                waiting.delete(look)
                resume(Effect.void)
              }
              waiting.add(look)
              look()
              return Effect.sync(() => void waiting.delete(look))
            })
        }
        resume(Effect.succeed(collector))
      })
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
}
