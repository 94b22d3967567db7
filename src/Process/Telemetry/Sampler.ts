import { Option, Tracer } from "effect"

/** The allowed values of OpenTelemetry's `OTEL_TRACES_SAMPLER`. */
export const samplers = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio"
] as const
export type Sampler = (typeof samplers)[number]

/**
 * A tracer that decides which traces are recorded. A parent-based sampler follows the decision of the caller. A batch
 * is recorded when one of its events is. Only requests, appends and batches begin a trace. Background work, such as
 * reading the registry, does not.
 */
export const sampled = (tracer: Tracer.Tracer, sampler: Sampler, ratio: number): Tracer.Tracer => {
  const parentBased = sampler.startsWith("parentbased_")
  const share = sampler.endsWith("always_on") ? 1 : sampler.endsWith("always_off") ? 0 : ratio
  return Tracer.make({
    ...tracer,
    span: (options) => {
      const { kind, links, parent } = options
      if (Option.isSome(parent)) {
        if (parentBased || parent.value._tag === "Span") return tracer.span(options)
      } else {
        if (!beginsTrace.has(kind)) return tracer.span({ ...options, sampled: false })
        if (parentBased && (links.length > 0 || !options.sampled)) return tracer.span(options)
      }
      const span = tracer.span({ ...options, sampled: true })
      return isWithin(span.traceId, share) ? span : tracer.span({ ...options, sampled: false })
    }
  })
}

const beginsTrace: ReadonlySet<Tracer.SpanKind> = new Set(["server", "producer", "consumer"])

/**
 * Decides by the last 56 bits of the id, as OpenTelemetry requires, so that all processes decide alike about a trace.
 * The last four bits are left out, because a number could not hold them exactly.
 */
const isWithin = (traceId: string, share: number) =>
  parseInt(traceId.slice(-14, -1), 16) >= (1 - share) * 2 ** 52
