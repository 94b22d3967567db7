import { Context, Effect, Option, type Tracer } from "effect"
import { Headers, HttpTraceContext } from "effect/http"
import type { IncomingHttpHeaders } from "node:http"
import { webhookPath } from "../../Domain/WebhookPath.ts"

/** The header of W3C Trace Context. It carries a trace from one process to the next, over HTTP and in the log. */
export const traceparent = "traceparent"

/** The response to a delivery. */
type Answer = { readonly ok: true } | { readonly ok: false; readonly error: string }

/** An entry that carries the context of its append span. */
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

/** The headers of an event of a batch. */
interface Handled {
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
}

/**
 * Creates the spans of an event: its delivery, its append, and the batch of each consumer. The tracer decides about
 * sampling.
 */
export interface Tracing {
  /** The span of a delivery. It continues the trace of a valid `traceparent` header. */
  readonly delivery: <A extends Answer, E>(
    headers: IncomingHttpHeaders,
    accept: Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
  /**
   * The span of an append to a stream; the entry carries its context. An entry that already has a `traceparent`
   * continues that trace.
   */
  readonly append: <Entry extends Traced, A extends Appended, E>(
    stream: string,
    entry: Entry,
    append: (entry: Entry) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
  /**
   * The span of a consumer's batch. With one event it is part of that event's trace. With several events it is linked
   * to their traces.
   */
  readonly batch: (
    stream: string,
    durable: string,
    events: ReadonlyArray<Handled>
  ) => <A, E, R>(handle: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** Undefined when tracing is off. Each part reads this once, when it is created. */
export const Tracing = Context.Reference<Tracing | undefined>("threeqpr-events/Tracing", {
  defaultValue: () => undefined
})

/** Creates spans with the current tracer. */
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

/** The trace context of a header; undefined when it is absent or malformed, and then a new trace begins. */
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
  // A batch is recorded when one of its events is. Events without a recorded trace get no link.
  const links = contexts.filter(({ sampled }) => sampled).map((span) => ({ span, attributes: {} }))
  return { root: true, links, ...(contexts.length > 0 && links.length === 0 && { sampled: false }) }
}
