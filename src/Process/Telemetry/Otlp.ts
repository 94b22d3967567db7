import { ConfigProvider, Effect, Layer, Redacted, References, Tracer } from "effect"
import { OtlpExporter, OtlpLogger, OtlpMetrics, OtlpSerialization, OtlpTracer } from "effect/observability"
import packageJson from "../../../package.json" with { type: "json" }
import type { Config } from "../Config.ts"
import * as Collector from "./Collector.ts"
import { sampled } from "./Sampler.ts"
import { Tracing, tracing } from "./Tracing.ts"

/**
 * Sends traces, logs and metrics to an OpenTelemetry collector by OTLP over HTTP. Without an endpoint, no spans are
 * created. Effect's `layerFromConfig` is not used. It sends nothing unless an exporter is named, and ends the process
 * on a value that OpenTelemetry requires to be ignored.
 */
export const layer = (config: Config) => {
  const { otlpLogsEndpoint, otlpMetricsEndpoint, otlpTracesEndpoint } = config
  const endpoints = [config.otlpEndpoint, otlpTracesEndpoint, otlpLogsEndpoint, otlpMetricsEndpoint]
  const isAsked = !config.telemetryDisabled && endpoints.some((endpoint) => endpoint !== undefined)
  if (!isAsked) return untraced
  const resource = resourceOf(config)
  const to = (
    signal: "traces" | "logs" | "metrics",
    exporter: Config["tracesExporter"],
    endpoint: Config["otlpEndpoint"],
    headers: Config["otlpHeaders"]
  ) => {
    const base = config.otlpEndpoint && Redacted.value(config.otlpEndpoint).replace(/\/+$/, "")
    const url = endpoint === undefined ? base && `${base}/v1/${signal}` : Redacted.value(endpoint)
    if (url === undefined || exporter === "none") return undefined
    const given = headers ?? config.otlpHeaders
    return { url, headers: given && Redacted.value(given), resource, shutdownTimeout: "2 seconds" } as const
  }
  const tracesTo = to("traces", config.tracesExporter, otlpTracesEndpoint, config.otlpTracesHeaders)
  const logsTo = to("logs", config.logsExporter, otlpLogsEndpoint, config.otlpLogsHeaders)
  const metricsTo = to("metrics", config.metricsExporter, otlpMetricsEndpoint, config.otlpMetricsHeaders)
  return Layer.mergeAll(
    Layer.effectDiscard(Effect.forEach(config.warnings, (warning) => Effect.logWarning(warning))),
    tracesTo === undefined ? untraced : traces(config, tracesTo),
    logsTo === undefined ? Layer.empty : OtlpLogger.layer(logsTo),
    metricsTo === undefined ? Layer.empty : OtlpMetrics.layer({ ...metricsTo, exportInterval: "15 seconds" })
  ).pipe(
    Layer.provide(
      config.otlpProtocol === "http/json" ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf
    ),
    Layer.provide(Collector.layer),
    // Without this, the exporters would read the environment again, and fail on values that are ignored here.
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({})))
  )
}

/** The service's name and version are separate fields of the resource. */
const resourceOf = ({ resourceAttributes = {}, serviceName }: Config) => {
  const { "service.name": name, "service.version": _, ...attributes } = resourceAttributes
  return {
    serviceName: serviceName ?? name ?? "threeqpr-events",
    serviceVersion: packageJson.version,
    attributes
  }
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
