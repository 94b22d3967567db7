import { assert, describe } from "@effect/vitest"
import { ConfigProvider, Effect, Layer, Logger } from "effect"
import { load } from "../../../src/Process/Config.ts"
import * as Otlp from "../../../src/Process/Telemetry/Otlp.ts"
import * as Collector from "../../support/Collector.ts"
import { test } from "../../support/Live.ts"

/** Logs a line and records a span with these variables set. Everything is exported when the effect ends. */
const observed = (environment: Readonly<Record<string, string>>) =>
  Effect.gen(function*() {
    const config = yield* load()
    yield* Effect.logInfo("observed").pipe(
      Effect.withSpan("observed", { kind: "server" }),
      Effect.provide(Layer.fresh(Otlp.layer(config)))
    )
  }).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: environment }))
  )

describe("OpenTelemetry's variables", () => {
  test(
    "set an endpoint and headers for each signal, and the attributes of the process",
    Effect.gen(function*() {
      const collector = yield* Collector.start()
      yield* observed({
        OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/base/`,
        OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: `${collector.url}/only/logs`,
        OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=all",
        OTEL_EXPORTER_OTLP_LOGS_HEADERS: "x-tenant=logs",
        OTEL_RESOURCE_ATTRIBUTES: "service.name=named,deployment.environment=of%20the%20tests",
        OTEL_METRICS_EXPORTER: "none"
      })
      const tenants = collector.requests.map(({ headers, path }) => [path, headers["x-tenant"]])
      assert.sameDeepMembers(tenants, [["/base/v1/traces", "all"], ["/only/logs", "logs"]])
      assert.strictEqual(collector.spans[0]?.service, "named")
      assert.include(collector.text(), "of the tests")
    })
  )

  test(
    "log a warning for an unknown value, which is ignored",
    Effect.gen(function*() {
      const collector = yield* Collector.start()
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      yield* observed({
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_TRACES_EXPORTER: "console",
        OTEL_METRICS_EXPORTER: "none",
        OTEL_RESOURCE_ATTRIBUTES: "a=100%"
      }).pipe(Effect.provide(Logger.layer([logger])))
      assert.deepStrictEqual([...new Set(collector.requests.map(({ path }) => path))], ["/v1/logs"])
      const logs = lines.join("\n")
      assert.match(logs, /OTEL_TRACES_EXPORTER is "console"; allowed is otlp or none. It is ignored./)
      assert.match(logs, /OTEL_RESOURCE_ATTRIBUTES is "a=100%"/)
    })
  )

  test(
    "export nothing when OTEL_SDK_DISABLED is set, and nothing without an endpoint",
    Effect.gen(function*() {
      const collector = yield* Collector.start()
      yield* observed({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SDK_DISABLED: "true" })
      yield* observed({ OTEL_TRACES_EXPORTER: "console" })
      assert.isEmpty(collector.requests)
    })
  )
})
