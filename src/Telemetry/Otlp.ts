import { Effect, Layer, Redacted, References, Tracer } from "effect"
import { OtlpExporter, OtlpLogger, OtlpMetrics, OtlpSerialization, OtlpTracer } from "effect/observability"
import packageJson from "../../package.json" with { type: "json" }
import type { Config } from "../Config.ts"
import { Tracing, tracing } from "../Tracing.ts"
import * as Collector from "./Collector.ts"
import { sampled } from "./Sampler.ts"

/**
 * Sends traces, logs and metrics to an OpenTelemetry collector, by OTLP over HTTP in JSON. Without an endpoint
 * there are no spans at all.
 */
export const layer = (config: Config) => {
  const { otlpEndpoint: endpoint } = config
  if (endpoint === undefined) return untraced
  const to = (signal: "traces" | "logs" | "metrics") => ({
    url: `${Redacted.value(endpoint)}/v1/${signal}`,
    headers: config.otlpHeaders && Redacted.value(config.otlpHeaders),
    resource: { serviceName: config.serviceName, serviceVersion: packageJson.version },
    shutdownTimeout: "2 seconds"
  } as const)
  return Layer.mergeAll(
    config.tracesExporter === "none" ? untraced : traces(config, to("traces")),
    config.logsExporter === "none" ? Layer.empty : OtlpLogger.layer(to("logs")),
    config.metricsExporter === "none"
      ? Layer.empty
      : OtlpMetrics.layer({ ...to("metrics"), exportInterval: "15 seconds" })
  ).pipe(
    Layer.provide(OtlpSerialization.layerJson),
    Layer.provide(Collector.layer)
  )
}

const untraced = Layer.succeed(References.TracerEnabled, false)

const traces = ({ sampler, samplerRatio }: Config, to: Parameters<typeof OtlpTracer.make>[0]) =>
  Layer.merge(
    Layer.effect(
      Tracer.Tracer,
      Effect.map(OtlpTracer.make(to), (tracer) => sampled(tracer, sampler, samplerRatio))
    ),
    Layer.succeed(Tracing, tracing)
  ).pipe(Layer.provide(OtlpExporter.layerFlusher))
