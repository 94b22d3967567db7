import { Context, Effect, Option, type Tracer } from "effect"
import { Headers, HttpTraceContext } from "effect/http"
import type { IncomingHttpHeaders } from "node:http"
import { webhookPath } from "../../Domain/WebhookPath.ts"

/** The header that carries a trace from one process to the next, in HTTP and in the log: W3C Trace Context. */
export const traceparent = "traceparent"

/** The answer to a delivery. */
type Answer = { readonly ok: true } | { readonly ok: false; readonly error: string }

/** An entry that carries the span of its append. */
interface Traced {
  readonly id: string
  readonly type: string
  readonly traceparent?: string | undefined
}

/** The receipt of an append. */
interface Appended {
  readonly sequence: number
  readonly duplicate: boolean
}

/** An event of a batch: its headers. */
interface Handled {
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
}

/**
 * The path of an event as spans: its delivery, its append, and the batch of each consumer. What a span is
 * sampled by is the tracer's.
 */
export interface Tracing {
  /** A delivery. It continues the trace of the `traceparent` among the headers, if it is valid. */
  readonly delivery: <A extends Answer, E>(
    headers: IncomingHttpHeaders,
    accept: Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
  /** An append to a stream; the entry carries its span. An entry that has a `traceparent` continues that trace. */
  readonly append: <Entry extends Traced, A extends Appended, E>(
    stream: string,
    entry: Entry,
    append: (entry: Entry) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
  /** What a consumer does with a batch: part of the trace of its only event, linked to those of several. */
  readonly batch: (
    stream: string,
    durable: string,
    events: ReadonlyArray<Handled>
  ) => <A, E, R>(handle: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** Undefined when nothing is traced. Each part asks once, when it is made. */
export const Tracing = Context.Reference<Tracing | undefined>("threeqpr-events/Tracing", {
  defaultValue: () => undefined
})

/** Makes spans with the tracer there is. */
export const tracing: Tracing = {
  delivery: (headers, accept) =>
    Effect.useSpan(
      `POST ${webhookPath}`,
      {
        kind: "server",
        parent: contextOf(headers[traceparent]?.toString()),
        attributes: { "http.request.method": "POST", "url.path": webhookPath }
      },
      (span) =>
        Effect.tap(Effect.withParentSpan(accept, span), (answer) =>
          Effect.sync(() => {
            span.attribute("http.response.status_code", answer.ok ? 200 : 400)
            if (!answer.ok) span.attribute("error.type", answer.error)
          }))
    ),
  append: (stream, entry, append) =>
    Effect.useSpan(
      "EventLog.append",
      {
        kind: "producer",
        parent: contextOf(entry.traceparent),
        attributes: {
          "messaging.system": "nats",
          "messaging.operation.type": "send",
          "messaging.destination.name": stream,
          "messaging.message.id": entry.id,
          "cloudevents.event_type": entry.type
        }
      },
      (span) =>
        Effect.tap(
          append({ ...entry, traceparent: traceparentOf(span) }),
          ({ duplicate, sequence }) =>
            Effect.sync(() => {
              span.attribute("threeqpr.sequence", sequence)
              span.attribute("threeqpr.duplicate", duplicate)
            })
        )
    ),
  batch: (stream, durable, events) => (handle) =>
    Effect.withSpan(handle, `Consumer.handle ${durable}`, {
      kind: "consumer",
      ...origin(events),
      attributes: {
        "messaging.system": "nats",
        "messaging.operation.type": "process",
        "messaging.destination.name": stream,
        "messaging.consumer.group.name": durable,
        "messaging.batch.message_count": events.length
      }
    })
}

/** The trace that a header names; undefined when it is malformed, and then a new one begins. */
const contextOf = (header: string | undefined) =>
  header === undefined
    ? undefined
    : Option.getOrUndefined(HttpTraceContext.w3c(Headers.fromRecordUnsafe({ [traceparent]: header })))

const traceparentOf = (span: Tracer.Span) => HttpTraceContext.toHeaders(span)[traceparent] ?? ""

const origin = (events: ReadonlyArray<Handled>) => {
  const contexts = events.flatMap(({ headers }) => {
    const header = headers.find(([name]) => name === traceparent)
    return contextOf(header?.[1]) ?? []
  })
  const [only] = contexts
  if (events.length === 1 && only !== undefined) return { parent: only }
  // Recorded when one of its events is; those that are not have nothing to show.
  const links = contexts.filter(({ sampled }) => sampled).map((span) => ({ span, attributes: {} }))
  return { root: true, links, ...(contexts.length > 0 && links.length === 0 && { sampled: false }) }
}
