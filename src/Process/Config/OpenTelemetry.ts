import { Redacted } from "effect"
import { samplers } from "../Telemetry/Sampler.ts"
import { lenient, list, setting, text } from "./Setting.ts"

// OpenTelemetry's variables are often set for a whole fleet. Its specification treats an unknown value as a warning,
// and the variable as unset.

const endpoint = (variable: string, about: string, example: string) =>
  lenient(
    setting(
      variable,
      about,
      `an http:// or https:// address without a user, such as ${example}`,
      undefined,
      (text) => {
        const { password, protocol, search, username } = URL.parse(text) ?? {}
        const valid = /^https?:$/.test(protocol ?? "") && `${username}${password}${search}` === ""
        return valid ? Redacted.make(text) : undefined
      },
      true
    ),
    undefined
  )

/** Parses `name=value` pairs separated by commas, percent-encoded; undefined when the text is invalid. */
const pairsOf = (text: string) => {
  const pairs = list(text).map((pair) => /^([^\s=]+)\s*=\s*(.*)$/.exec(pair))
  if (pairs.length === 0 || pairs.includes(null)) return undefined
  try {
    return Object.fromEntries(
      pairs.map((pair) => [decodeURIComponent(pair?.[1] ?? ""), decodeURIComponent(pair?.[2] ?? "")])
    )
  } catch {
    return undefined
  }
}

const headers = (variable: string, about: string) =>
  lenient(
    setting(
      variable,
      about,
      "name=value pairs separated by commas, the values percent-encoded",
      undefined,
      (text) => {
        const pairs = pairsOf(text)
        return pairs !== undefined && Object.keys(pairs).every((name) => /^[\w!#$%&'*+.^`|~-]+$/.test(name))
          ? Redacted.make(pairs, { label: variable })
          : undefined
      },
      true
    ),
    undefined
  )

type Exporter = "otlp" | "none"

const exporter = (variable: string, about: string) =>
  lenient(
    setting(variable, about, "otlp or none", "otlp", (text): Exporter | undefined => {
      const names = list(text.toLowerCase())
      return names.includes("otlp") ? "otlp" : names.every((name) => name === "none") ? "none" : undefined
    }),
    "none"
  )

const protocols = ["http/json", "http/protobuf"] as const

/** The settings of OpenTelemetry. */
export const openTelemetry = {
  telemetryDisabled: lenient(
    setting(
      "OTEL_SDK_DISABLED",
      "`true` sends nothing to a collector",
      "true or false",
      "false",
      (text) => text.toLowerCase() === "true" ? true : text.toLowerCase() === "false" ? false : undefined
    ),
    false
  ),
  otlpEndpoint: endpoint(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OpenTelemetry collector for traces, logs and metrics; unset sends nothing",
    "http://127.0.0.1:4318"
  ),
  otlpTracesEndpoint: endpoint(
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "address for traces, instead of `/v1/traces` of the collector",
    "http://127.0.0.1:4318/v1/traces"
  ),
  otlpLogsEndpoint: endpoint(
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    "address for logs, instead of `/v1/logs` of the collector",
    "http://127.0.0.1:4318/v1/logs"
  ),
  otlpMetricsEndpoint: endpoint(
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "address for metrics, instead of `/v1/metrics` of the collector",
    "http://127.0.0.1:4318/v1/metrics"
  ),
  otlpHeaders: headers(
    "OTEL_EXPORTER_OTLP_HEADERS",
    "headers for the collector, such as `authorization=Bearer%20…`, separated by commas"
  ),
  otlpTracesHeaders: headers(
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "headers for traces, instead of the common ones"
  ),
  otlpLogsHeaders: headers(
    "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
    "headers for logs, instead of the common ones"
  ),
  otlpMetricsHeaders: headers(
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    "headers for metrics, instead of the common ones"
  ),
  otlpProtocol: lenient(
    setting(
      "OTEL_EXPORTER_OTLP_PROTOCOL",
      "encoding: `http/json` or `http/protobuf`",
      protocols.join(" or "),
      "http/json",
      (text) => protocols.find((protocol) => protocol === text.toLowerCase())
    ),
    "http/json"
  ),
  serviceName: text(
    "OTEL_SERVICE_NAME",
    "service name at the collector; unset uses `service.name` of the attributes, else threeqpr-events"
  ),
  resourceAttributes: lenient(
    setting(
      "OTEL_RESOURCE_ATTRIBUTES",
      "attributes of this process for the collector, such as `deployment.environment=test`",
      "name=value pairs separated by commas, percent-encoded",
      undefined,
      pairsOf
    ),
    undefined
  ),
  tracesExporter: exporter("OTEL_TRACES_EXPORTER", "whether traces are sent to the collector"),
  logsExporter: exporter("OTEL_LOGS_EXPORTER", "whether logs are sent to the collector"),
  metricsExporter: exporter("OTEL_METRICS_EXPORTER", "whether metrics are sent to the collector"),
  sampler: lenient(
    setting(
      "OTEL_TRACES_SAMPLER",
      "which traces are recorded; `parentbased_` samplers follow the caller's `traceparent`",
      samplers.join(", "),
      "parentbased_always_on",
      (text) => samplers.find((sampler) => sampler === text)
    ),
    "parentbased_always_on"
  ),
  samplerRatio: lenient(
    setting(
      "OTEL_TRACES_SAMPLER_ARG",
      "share of traces that a `traceidratio` sampler records",
      "a number from 0 to 1",
      "1",
      (text) => /^(0|1|0?\.\d+|1\.0+|0\.0+)$/.test(text) ? Number(text) : undefined
    ),
    1
  )
}
