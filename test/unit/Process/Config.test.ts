import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Redacted } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { millisOf } from "../../../src/Domain/Duration.ts"
import { type Flags, load } from "../../../src/Process/Config.ts"

const from = (environment: Record<string, string>, flags?: Flags) =>
  load(flags).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(environment))
  )

describe("Config", () => {
  it.effect("has a default for each setting that needs one", () =>
    Effect.gen(function*() {
      const config = yield* from({})
      assert.deepInclude(config, {
        host: "0.0.0.0",
        port: 3000,
        adminHost: "127.0.0.1",
        adminPort: 3001,
        dataDir: "./data",
        dedupWindow: 7_200_000,
        retention: { millis: undefined },
        replicas: 1,
        maxInFlight: 512
      })
      assert.isUndefined(config.natsUrl)
      assert.isUndefined(config.databaseUrl)
      assert.isUndefined(config.maxBodyBytes)
    }))

  it.effect("prefers a flag to the environment, and the environment to the default", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* from({ PORT: "4000" })).port, 4000)
      assert.strictEqual((yield* from({ PORT: "4000" }, { PORT: "5000" })).port, 5000)
    }))

  it.effect("treats an empty variable as unset", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* from({ PORT: "", DATABASE_URL: "" })).port, 3000)
    }))

  it.effect("reads a secret from the file named by its _FILE variable, and shows no secret on failure", () =>
    Effect.gen(function*() {
      const folder = mkdtempSync(join(tmpdir(), "threeqpr-config-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
      const file = join(folder, "secret")
      writeFileSync(file, "postgres://user:hidden@host/database\n")
      const { databaseUrl } = yield* from({ DATABASE_URL_FILE: file })
      assert.strictEqual(databaseUrl && Redacted.value(databaseUrl), "postgres://user:hidden@host/database")
      const told = (environment: Record<string, string>) =>
        Effect.map(Effect.flip(from(environment)), ({ message }) => message)
      const both = yield* told({
        DATABASE_URL_FILE: file,
        DATABASE_URL: "postgres://user:other@host/database"
      })
      assert.strictEqual(both, "DATABASE_URL and DATABASE_URL_FILE are both set. Unset one of them.")
      writeFileSync(file, "hidden")
      const wrong = yield* told({ DATABASE_URL_FILE: file })
      assert.match(wrong, /DATABASE_URL is not valid/)
      assert.notInclude(wrong, "hidden")
      writeFileSync(file, "\n")
      assert.include(yield* told({ ADMIN_TOKEN_FILE: file }), "That file is empty")
      assert.match(
        yield* told({ NATS_TOKEN_FILE: join(folder, "none") }),
        /NATS_TOKEN_FILE is ".*none"\. That file cannot be read/
      )
    }))

  it.effect("splits several secrets and several NATS servers at commas", () =>
    Effect.gen(function*() {
      const config = yield* from({
        THREEQPR_WEBHOOK_SECRET: "whsec_of_the_first, whsec_of_the_second",
        NATS_URL: "nats://one:4222,tls://two:4222"
      })
      assert.deepStrictEqual(config.secrets?.map(({ value }) => Redacted.value(value)), [
        "whsec_of_the_first",
        "whsec_of_the_second"
      ])
      assert.deepStrictEqual(config.natsUrl?.map(Redacted.value), ["nats://one:4222", "tls://two:4222"])
    }))

  it.effect("accepts an end for a secret, and refuses an invalid end without showing the secret", () =>
    Effect.gen(function*() {
      const { secrets } = yield* from({
        THREEQPR_WEBHOOK_SECRET: "whsec_of_the_first;until=2026-12-01T00:00:00Z,whsec_of_the_second"
      })
      assert.deepStrictEqual(secrets?.map(({ until }) => until), [Date.UTC(2026, 11, 1), undefined])
      const { message } = yield* Effect.flip(
        from({ THREEQPR_WEBHOOK_SECRET: "whsec_of_the_first,hunter2_hunter2_hunter2;until=soon" })
      )
      assert.include(message, "THREEQPR_WEBHOOK_SECRET")
      assert.include(message, ";until=")
      assert.notInclude(message, "hunter2")
    }))

  it.effect.each<readonly [variable: string, given: string, allowed: string]>([
    ["PORT", "http", "65535"],
    ["PORT", "65536", "65535"],
    ["PORT", "-1", "65535"],
    ["PORT", "80.5", "65535"],
    ["DEDUP_WINDOW", "2 minutes", "retry schedule"],
    ["DEDUP_WINDOW", "long", "retry schedule"],
    ["RETENTION", "1 hour", "unlimited"],
    ["STREAM_REPLICAS", "0", "1 to 5"],
    ["MAX_BODY_BYTES", "1", "1024"],
    ["RETENTION", "30", "90 days"],
    ["RECONCILE_EVERY", "30s", "at least a minute"],
    ["LOG_LEVEL", "loud", "Debug"]
  ])(
    "refuses %s=%s, and names both and the allowed values",
    ([variable, given, allowed]) =>
      Effect.gen(function*() {
        const { message } = yield* Effect.flip(from({ [variable]: given }))
        assert.include(message, variable)
        assert.include(message, JSON.stringify(given))
        assert.include(message, allowed)
      })
  )

  it.effect("reads the collector's headers, percent-encoded as in OpenTelemetry", () =>
    Effect.gen(function*() {
      const { otlpHeaders } = yield* from({
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20YTpi=, x-tenant = a"
      })
      assert.deepStrictEqual(otlpHeaders && Redacted.value(otlpHeaders), {
        authorization: "Basic YTpi=",
        "x-tenant": "a"
      })
    }))

  it.effect.each<readonly [variable: string, given: string, allowed: string]>([
    ["OTEL_TRACES_EXPORTER", "console", "otlp or none"],
    ["OTEL_LOGS_EXPORTER", "jaeger", "otlp or none"],
    ["OTEL_TRACES_SAMPLER", "sometimes", "parentbased_traceidratio"],
    ["OTEL_TRACES_SAMPLER_ARG", "1.5", "0 to 1"],
    ["OTEL_SDK_DISABLED", "maybe", "true or false"],
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/json"],
    ["OTEL_RESOURCE_ATTRIBUTES", "a=100%", "percent-encoded"]
  ])(
    "warns about %s=%s, and starts as if it were not set",
    ([variable, given, allowed]) =>
      Effect.gen(function*() {
        const { warnings } = yield* from({ [variable]: given })
        assert.lengthOf(warnings, 1)
        assert.include(warnings[0], `${variable} is ${JSON.stringify(given)}; allowed is `)
        assert.include(warnings[0], allowed)
      })
  )

  it.effect("follows OpenTelemetry's rules for exporters, endpoints and attributes", () =>
    Effect.gen(function*() {
      const console = yield* from({ OTEL_TRACES_EXPORTER: "console", OTEL_METRICS_EXPORTER: "none" })
      assert.deepInclude(console, { tracesExporter: "none", logsExporter: "otlp", metricsExporter: "none" })
      const both = yield* from({
        OTEL_TRACES_EXPORTER: "Console, OTLP",
        OTEL_SDK_DISABLED: "TRUE",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://collector/traces",
        OTEL_RESOURCE_ATTRIBUTES: "service.name=one, deployment.environment=a%2Cb"
      })
      assert.deepInclude(both, {
        tracesExporter: "otlp",
        telemetryDisabled: true,
        resourceAttributes: { "service.name": "one", "deployment.environment": "a,b" },
        warnings: []
      })
    }))

  it.effect("trims blanks and line ends around a value, in variables and files", () =>
    Effect.gen(function*() {
      const folder = mkdtempSync(join(tmpdir(), "threeqpr-config-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
      writeFileSync(join(folder, "token"), "\uFEFFtoken_of_the_tests\r\n")
      const config = yield* from({
        PORT: " 4000\n",
        ADMIN_TOKEN: "token_of_the_tests\r\n",
        NATS_TOKEN_FILE: `${join(folder, "token")}\n`,
        DATABASE_URL: "\n"
      })
      assert.strictEqual(config.port, 4000)
      assert.strictEqual(config.adminToken && Redacted.value(config.adminToken), "token_of_the_tests")
      assert.strictEqual(config.natsToken && Redacted.value(config.natsToken), "token_of_the_tests")
      assert.isUndefined(config.databaseUrl)
    }))

  it.effect("refuses control characters with their code and place, and does not show a secret", () =>
    Effect.gen(function*() {
      for (const variable of ["ADMIN_TOKEN", "THREEQPR_WEBHOOK_SECRET", "NATS_USER", "THREEQPR_API_KEY"]) {
        const { message } = yield* Effect.flip(from({ [variable]: "hunter\t2" }))
        assert.strictEqual(
          message,
          `${variable} contains the control character U+0009 at position 7. Remove it.`
        )
      }
    }))

  it.effect.each<readonly [variable: string, meant: string]>([
    ["THREEQPR_WEBHOK_SECRET", "THREEQPR_WEBHOOK_SECRET"],
    ["THREEQPR_WEBHOOK_SECRETS", "THREEQPR_WEBHOOK_SECRET"],
    ["THREEQPR_WEBHOOK_SECRET_FILES", "THREEQPR_WEBHOOK_SECRET_FILE"],
    ["THREEQPR_APIKEY", "THREEQPR_API_KEY"],
    ["RETENTOIN", "RETENTION"],
    ["NATS_CRED", "NATS_CREDS"],
    ["ADMIN_TOKN", "ADMIN_TOKEN"],
    ["ADMIN_TOKEN_FIL", "ADMIN_TOKEN_FILE"],
    ["OTEL_EXPORTER_OTLP_ENDPONT", "OTEL_EXPORTER_OTLP_ENDPOINT"]
  ])(
    "refuses %s and suggests %s",
    ([variable, meant]) =>
      Effect.gen(function*() {
        for (const provider of [ConfigProvider.fromUnknown, ConfigProvider.fromEnv]) {
          const environment = { [variable]: "hunter2" }
          const { message } = yield* Effect.flip(load()).pipe(
            Effect.provideService(
              ConfigProvider.ConfigProvider,
              provider === ConfigProvider.fromEnv
                ? ConfigProvider.fromEnv({ env: environment })
                : ConfigProvider.fromUnknown(environment)
            )
          )
          assert.include(
            message,
            `${variable} is set, but this setting does not exist. Did you mean ${meant}?`
          )
          assert.notInclude(message, "hunter2")
        }
      })
  )

  it.effect("refuses an unknown THREEQPR_ variable, and ignores variables of other programs", () =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(from({ THREEQPR_COLOUR: "red" }))
      assert.match(message, /^THREEQPR_COLOUR is set, but this setting does not exist\. .*THREEQPR_API_KEY/)
      yield* from({
        HOSTS: "x",
        PORTS: "1",
        NATS_PORT: "tcp://10.0.0.1:4222",
        NATS_SERVICE_HOST: "10.0.0.1",
        NATS_URL: "nats://one",
        NATS_URLS: "nats://two",
        OTEL_PROPAGATORS: "b3",
        HOME: "/root"
      })
    }))

  it.effect.each<readonly [given: string, millis: number]>([
    ["30d", 2_592_000_000],
    ["30 days", 2_592_000_000],
    ["1h 30m", 5_400_000],
    ["2.5 Hours", 9_000_000],
    ["2w", 1_209_600_000]
  ])("accepts the duration %s", ([given, millis]) =>
    Effect.gen(function*() {
      assert.strictEqual((yield* from({ ROW_RETENTION: given })).rowRetention.millis, millis)
    }))

  it("refuses a duration without a unit, with an unknown unit, or of more than a century", () => {
    for (const text of ["", "7", "d", "7x", "-7d", "7 d 5", "1e3d", "200000d", "Infinity", "1 month"]) {
      assert.isUndefined(millisOf(text))
    }
  })

  it.effect("refuses a retention that is shorter than the deduplication window", () =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(from({ RETENTION: "3 hours", DEDUP_WINDOW: "4 hours" }))
      assert.include(message, "RETENTION is shorter than DEDUP_WINDOW")
      assert.strictEqual((yield* from({ RETENTION: "90 days" })).retention.millis, 7_776_000_000)
    }))

  it.effect("requires a separate operator token when a read token is set", () =>
    Effect.gen(function*() {
      for (const environment of [{}, { ADMIN_TOKEN: "hunter2_hunter2_hunter2" }]) {
        const { message } = yield* Effect.flip(
          from({ ADMIN_READ_TOKEN: "hunter2_hunter2_hunter2", ...environment })
        )
        assert.include(message, "ADMIN_READ_TOKEN")
        assert.notInclude(message, "hunter2")
      }
      yield* from({ ADMIN_READ_TOKEN: "token_of_a_reader", ADMIN_TOKEN: "token_of_an_operator" })
    }))

  it.effect("runs without an admin token only with ADMIN_WITHOUT_TOKEN and without ADMIN_TOKEN", () =>
    Effect.gen(function*() {
      assert.isFalse((yield* from({})).adminWithoutToken)
      assert.isFalse((yield* from({ ADMIN_WITHOUT_TOKEN: "" })).adminWithoutToken)
      assert.isTrue((yield* from({ ADMIN_WITHOUT_TOKEN: "true" })).adminWithoutToken)
      for (const wrong of ["1", "yes", "TRUE"]) {
        const { message } = yield* Effect.flip(from({ ADMIN_WITHOUT_TOKEN: wrong }))
        assert.include(message, `ADMIN_WITHOUT_TOKEN is "${wrong}"; allowed is true or false`)
      }
      const ADMIN_TOKEN = "token_of_an_operator"
      yield* from({ ADMIN_TOKEN, ADMIN_WITHOUT_TOKEN: "false" })
      const { message } = yield* Effect.flip(from({ ADMIN_TOKEN, ADMIN_WITHOUT_TOKEN: "true" }))
      assert.include(message, "ADMIN_WITHOUT_TOKEN is true, but ADMIN_TOKEN is set. Unset one of them.")
    }))

  it.effect("refuses short tokens and webhook secrets by name, and says how to generate one", () =>
    Effect.gen(function*() {
      const short = "hunter2_hunter2"
      assert.lengthOf(short, 15)
      const longer = `${short}_`
      for (const variable of ["ADMIN_TOKEN", "ADMIN_READ_TOKEN", "THREEQPR_WEBHOOK_SECRET"]) {
        const { message } = yield* Effect.flip(
          from({ ADMIN_TOKEN: "token_of_an_operator", [variable]: short })
        )
        assert.include(message, `${variable} is not valid`)
        assert.include(message, "at least 16 characters")
        assert.include(message, "`openssl rand -hex 24` makes one")
        assert.notInclude(message, short)
        yield* from({ ADMIN_TOKEN: "token_of_an_operator", [variable]: longer })
      }
      yield* Effect.flip(from({ THREEQPR_WEBHOOK_SECRET: `${longer},${short}` }))
      // Length is not checked here: the broker and 3QPR verify these.
      yield* from({ NATS_TOKEN: short, NATS_PASSWORD: short, THREEQPR_API_KEY: short })
    }))

  it.effect("refuses an API address with a user or password, and does not show them", () =>
    Effect.gen(function*() {
      for (const url of ["https://me:hunter2@api.example.com", "ftp://me:hunter2@api.example.com/x"]) {
        const { message } = yield* Effect.flip(from({ THREEQPR_API_URL: url }))
        assert.match(message, /THREEQPR_API_URL is "\w+:\/\/…@api\.example\.com.*without a user or password/)
        assert.notInclude(message, "hunter2")
      }
    }))

  it.effect("accepts names of reverse proxies, without a port", () =>
    Effect.gen(function*() {
      const { adminAllowedHosts } = yield* from({ ADMIN_ALLOWED_HOSTS: "events.example.com, Proxy_1" })
      assert.deepStrictEqual(adminAllowedHosts, ["events.example.com", "Proxy_1"])
      for (const wrong of ["https://events.example.com", "events.example.com:443", "*.example.com", "a b"]) {
        const { message } = yield* Effect.flip(from({ ADMIN_ALLOWED_HOSTS: wrong }))
        assert.include(message, "host names without a port")
      }
    }))

  it.effect("reports all errors at once", () =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(from({ PORT: "x", ADMIN_PORT: "y" }))
      assert.match(message, /^PORT.*\nADMIN_PORT/)
    }))

  it.effect("never shows a secret, not even an invalid one", () =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(from({
        DATABASE_URL: "mysql://user:hunter2@host/db",
        NATS_URL: "http://user:hunter2@host"
      }))
      assert.notInclude(message, "hunter2")
      assert.include(message, "DATABASE_URL")
      assert.include(message, "NATS_URL")
      const { warnings } = yield* from({
        OTEL_EXPORTER_OTLP_ENDPOINT: "http://user:hunter2@host",
        OTEL_EXPORTER_OTLP_HEADERS: "hunter2"
      })
      assert.lengthOf(warnings, 2)
      assert.notInclude(warnings.join(), "hunter2")
      const config = yield* from({
        THREEQPR_WEBHOOK_SECRET: "whsec_hunter2_hunter2",
        ADMIN_TOKEN: "hunter2_hunter2_hunter2"
      })
      assert.notInclude(JSON.stringify(config), "hunter2")
    }))
})
