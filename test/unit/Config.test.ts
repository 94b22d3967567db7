import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Redacted } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Flags, load } from "../../src/Config.ts"

const from = (environment: Record<string, string>, flags?: Flags) =>
  load(flags).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(environment))
  )

describe("Config", () => {
  it.effect("has a default for all that needs one", () =>
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
        maxBodyBytes: 1_048_576,
        maxInFlight: 512
      })
      assert.isUndefined(config.natsUrl)
      assert.isUndefined(config.databaseUrl)
    }))

  it.effect("takes a flag over the environment over the default", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* from({ PORT: "4000" })).port, 4000)
      assert.strictEqual((yield* from({ PORT: "4000" }, { PORT: "5000" })).port, 5000)
    }))

  it.effect("reads an empty variable like an unset one", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* from({ PORT: "", DATABASE_URL: "" })).port, 3000)
    }))

  it.effect("reads a secret from the file that its variable with _FILE names, and shows neither when that fails", () =>
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
      assert.strictEqual(both, "DATABASE_URL and DATABASE_URL_FILE are both set; unset one of them.")
      writeFileSync(file, "hidden")
      const wrong = yield* told({ DATABASE_URL_FILE: file })
      assert.match(wrong, /DATABASE_URL is not valid/)
      assert.notInclude(wrong, "hidden")
      writeFileSync(file, "\n")
      assert.include(yield* told({ ADMIN_TOKEN_FILE: file }), "which is empty")
      assert.match(
        yield* told({ NATS_TOKEN_FILE: join(folder, "none") }),
        /NATS_TOKEN_FILE is ".*none", which cannot be read/
      )
    }))

  it.effect("splits several secrets and several NATS servers at commas", () =>
    Effect.gen(function*() {
      const config = yield* from({
        THREEQPR_WEBHOOK_SECRET: "whsec_a, whsec_b",
        NATS_URL: "nats://one:4222,tls://two:4222"
      })
      assert.deepStrictEqual(config.secrets?.map(({ value }) => Redacted.value(value)), [
        "whsec_a",
        "whsec_b"
      ])
      assert.deepStrictEqual(config.natsUrl?.map(Redacted.value), ["nats://one:4222", "tls://two:4222"])
    }))

  it.effect("gives a secret an end, and refuses one that is no time without showing it", () =>
    Effect.gen(function*() {
      const { secrets } = yield* from({
        THREEQPR_WEBHOOK_SECRET: "whsec_a;until=2026-12-01T00:00:00Z,whsec_b"
      })
      assert.deepStrictEqual(secrets?.map(({ until }) => until), [Date.UTC(2026, 11, 1), undefined])
      const { message } = yield* Effect.flip(from({ THREEQPR_WEBHOOK_SECRET: "whsec_a,hunter2;until=soon" }))
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
    ["LOG_LEVEL", "loud", "Debug"],
    ["OTEL_TRACES_EXPORTER", "jaeger", "otlp or none"],
    ["OTEL_TRACES_SAMPLER", "sometimes", "parentbased_traceidratio"],
    ["OTEL_TRACES_SAMPLER_ARG", "1.5", "0 to 1"]
  ])(
    "refuses %s=%s, naming both and what is allowed",
    ([variable, given, allowed]) =>
      Effect.gen(function*() {
        const { message } = yield* Effect.flip(from({ [variable]: given }))
        assert.include(message, variable)
        assert.include(message, JSON.stringify(given))
        assert.include(message, allowed)
      })
  )

  it.effect("reads the collector's headers, percent-encoded as OpenTelemetry has them", () =>
    Effect.gen(function*() {
      const { otlpHeaders } = yield* from({
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20YTpi=, x-tenant = a"
      })
      assert.deepStrictEqual(otlpHeaders && Redacted.value(otlpHeaders), {
        authorization: "Basic YTpi=",
        "x-tenant": "a"
      })
      yield* Effect.flip(from({ OTEL_EXPORTER_OTLP_HEADERS: "authorization=100%" }))
    }))

  it.effect("refuses to forget events before their ids", () =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(from({ RETENTION: "3 hours", DEDUP_WINDOW: "4 hours" }))
      assert.include(message, "RETENTION is shorter than DEDUP_WINDOW")
      assert.strictEqual((yield* from({ RETENTION: "90 days" })).retention.millis, 7_776_000_000)
    }))

  it.effect("wants a token of their own for those who may change something, when others may read", () =>
    Effect.gen(function*() {
      for (const environment of [{}, { ADMIN_TOKEN: "hunter2" }]) {
        const { message } = yield* Effect.flip(from({ ADMIN_READ_TOKEN: "hunter2", ...environment }))
        assert.include(message, "ADMIN_READ_TOKEN")
        assert.notInclude(message, "hunter2")
      }
      yield* from({ ADMIN_READ_TOKEN: "hunter2", ADMIN_TOKEN: "hunter3" })
    }))

  it.effect("names everything that is wrong at once", () =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(from({ PORT: "x", ADMIN_PORT: "y" }))
      assert.match(message, /^PORT.*\nADMIN_PORT/)
    }))

  it.effect("never shows a secret, not even a wrong one", () =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(from({
        DATABASE_URL: "mysql://user:hunter2@host/db",
        OTEL_EXPORTER_OTLP_ENDPOINT: "http://user:hunter2@host",
        OTEL_EXPORTER_OTLP_HEADERS: "hunter2",
        NATS_URL: "http://user:hunter2@host"
      }))
      assert.notInclude(message, "hunter2")
      assert.include(message, "DATABASE_URL")
      assert.include(message, "NATS_URL")
      assert.include(message, "OTEL_EXPORTER_OTLP_ENDPOINT")
      assert.include(message, "OTEL_EXPORTER_OTLP_HEADERS")
      const config = yield* from({ THREEQPR_WEBHOOK_SECRET: "whsec_hunter2", ADMIN_TOKEN: "hunter2" })
      assert.notInclude(JSON.stringify(config), "hunter2")
    }))
})
