import {
  Config as EffectConfig,
  ConfigProvider,
  Duration,
  Effect,
  Equal,
  Option,
  Redacted,
  Schema
} from "effect"
import { contentOf } from "./Config/SecretFile.ts"
import { list, millis, secret, type Setting, setting, text, wholeNumber } from "./Config/Setting.ts"
import { retrySchedule } from "./EventLog.ts"
import { samplers } from "./Telemetry/Sampler.ts"
import * as Secret from "./WebhookSecret/Secret.ts"

/** Settings that are wrong, all of them at once. */
export class ConfigInvalid
  extends Schema.TaggedError<ConfigInvalid>()("ConfigInvalid", { message: Schema.String })
{}

/** Whether what is sent there stays unread by others: HTTPS, or this machine. */
export const isSafe = (url: string) => {
  const { hostname, protocol } = URL.parse(url) ?? {}
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostname ?? ""))
}

/** Whether a host is this machine under a name that nobody else can claim. */
export const isLoopback = (host: string) => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host)

const exporter = (variable: string, about: string) =>
  setting(
    variable,
    about,
    "otlp or none",
    "otlp",
    (text) => (["otlp", "none"] as const).find((exporter) => exporter === text)
  )

/** How long something is kept: for ever, or so many milliseconds, `least` of them. */
const age = (variable: string, about: string, allowed: string, least: number) =>
  setting(
    variable,
    about,
    allowed,
    "unlimited",
    (text): { readonly millis: number | undefined } | undefined => {
      if (text === "unlimited") return { millis: undefined }
      const kept = millis(text)
      return kept !== undefined && kept >= least ? { millis: kept } : undefined
    }
  )

/** Every setting there is. README's table is checked against this. */
export const settings = {
  secrets: setting(
    "THREEQPR_WEBHOOK_SECRET",
    "3QPR's webhook secret; several, separated by commas, while rotating, each with `;until=<time>` if it has an end",
    `one or more secrets separated by commas; one with an end is written ${Secret.example}`,
    undefined,
    (text) => {
      const parts = list(text)
      const secrets = parts.map(Secret.parse).filter((secret) => secret !== undefined)
      return secrets.length > 0 && secrets.length === parts.length ? secrets : undefined
    },
    true
  ),
  secretFile: text(
    "THREEQPR_WEBHOOK_SECRET_FILE",
    "a file with the secret, one a line when there are several; read again while it is used"
  ),
  apiKey: secret("THREEQPR_API_KEY", "key of 3QPR's API, for `register` and `reconcile`"),
  apiUrl: setting(
    "THREEQPR_API_URL",
    "where 3QPR's API is",
    "an https:// address, or http:// on this machine",
    "https://api.3qpr.com",
    (text) => isSafe(text) ? text.replace(/\/+$/, "") : undefined
  ),
  reconcileEvery: setting(
    "RECONCILE_EVERY",
    "how often `serve` looks with 3QPR for scans that no webhook told of; unset never does",
    `a duration of at least a minute, such as "1 hour"`,
    undefined,
    (text) => {
      const every = millis(text)
      return every !== undefined && every >= 60_000 ? every : undefined
    }
  ),
  host: text("HOST", "address of the public listener", "0.0.0.0"),
  port: wholeNumber("PORT", "port of the public listener; 0 takes a free one", "3000", 0, 65_535),
  adminHost: text("ADMIN_HOST", "address of the private listener", "127.0.0.1"),
  adminPort: wholeNumber("ADMIN_PORT", "port of the private listener; 0 takes a free one", "3001", 0, 65_535),
  adminToken: secret("ADMIN_TOKEN", "bearer token of the private listener; needed beyond loopback"),
  adminReadToken: secret("ADMIN_READ_TOKEN", "bearer token that may read there and change nothing"),
  dataDir: text("DATA_DIR", "folder of the embedded broker and database", "./data"),
  natsUrl: setting(
    "NATS_URL",
    "NATS servers, separated by commas; unset runs the embedded broker",
    "one or more nats:// or tls:// addresses separated by commas; tls:// demands TLS",
    undefined,
    (text) => {
      const servers = list(text)
      const valid = servers.length > 0 &&
        servers.every((server) => /^((nats|tls):\/\/)?[^\s/]+\/?$/i.test(server))
      return valid ? servers.map((server) => Redacted.make(server)) : undefined
    },
    true
  ),
  natsCredentials: text("NATS_CREDS", "a NATS credentials file"),
  natsUser: text("NATS_USER", "NATS user"),
  natsPassword: secret("NATS_PASSWORD", "NATS password"),
  natsToken: secret("NATS_TOKEN", "NATS token"),
  natsInboxPrefix: setting(
    "NATS_INBOX_PREFIX",
    "what the subjects of answers to us begin with",
    "a subject without wildcards, such as _INBOX_ingress",
    "_INBOX",
    (text) => /^[^\s.*>]+(\.[^\s.*>]+)*$/.test(text) ? text : undefined
  ),
  natsTlsCa: text("NATS_TLS_CA", "file with the certificate authority of NATS"),
  natsTlsCert: text("NATS_TLS_CERT", "file with our certificate for NATS"),
  natsTlsKey: text("NATS_TLS_KEY", "file with the key of our certificate for NATS"),
  natsServerBinary: text("NATS_SERVER_BIN", "the nats-server that the embedded broker runs"),
  databaseUrl: setting(
    "DATABASE_URL",
    "Postgres 15 or later; unset runs the embedded Postgres",
    "a postgres:// or postgresql:// address",
    undefined,
    (text) => /^postgres(ql)?:$/.test(URL.parse(text)?.protocol ?? "") ? Redacted.make(text) : undefined,
    true
  ),
  dedupWindow: setting(
    "DEDUP_WINDOW",
    "how long the stream recognises an id it has stored",
    `a duration of at least ${
      Duration.format(Duration.millis(retrySchedule))
    } (3QPR's retry schedule), such as "2 hours"`,
    "2 hours",
    (text) => {
      const window = millis(text)
      return window !== undefined && window >= retrySchedule ? window : undefined
    }
  ),
  retention: age(
    "RETENTION",
    "how long the stream keeps events",
    `"unlimited", or a duration of at least the DEDUP_WINDOW, such as "90 days"`,
    retrySchedule
  ),
  rowRetention: age(
    "ROW_RETENTION",
    "how long read models keep scans and conversations, from when they happened; their counters go with them",
    `"unlimited", or a duration of at least an hour, such as "90 days"`,
    3_600_000
  ),
  replicas: wholeNumber("STREAM_REPLICAS", "replicas of the streams in a cluster", "1", 1, 5),
  maxBodyBytes: wholeNumber("MAX_BODY_BYTES", "largest body of a delivery", "1048576", 1_024, 67_108_864),
  maxInFlight: wholeNumber(
    "MAX_IN_FLIGHT",
    "deliveries that wait to be stored at a time; more are answered 503 unread",
    "512",
    1,
    65_536
  ),
  logLevel: setting(
    "LOG_LEVEL",
    "the least serious level that is logged",
    "Debug, Info, Warn, Error or None",
    "Info",
    (text) =>
      (["Debug", "Info", "Warn", "Error", "None"] as const).find((level) =>
        level.toLowerCase() === text.toLowerCase()
      )
  ),
  otlpEndpoint: setting(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "an OpenTelemetry collector, for traces, logs and metrics; unset sends nothing",
    "an http:// or https:// address without a user, such as http://127.0.0.1:4318",
    undefined,
    (text) => {
      const { password, protocol, search, username } = URL.parse(text) ?? {}
      const valid = /^https?:$/.test(protocol ?? "") && `${username}${password}${search}` === ""
      return valid ? Redacted.make(text.replace(/\/+$/, "")) : undefined
    },
    true
  ),
  otlpHeaders: setting(
    "OTEL_EXPORTER_OTLP_HEADERS",
    "headers for the collector, such as `authorization=Bearer%20…`, separated by commas",
    "name=value pairs separated by commas, the values percent-encoded",
    undefined,
    (text) => {
      const pairs = list(text).map((pair) => /^([\w!#$%&'*+.^`|~-]+)\s*=\s*(.*)$/.exec(pair))
      try {
        const headers = pairs.map((pair) => [pair?.[1] ?? "", decodeURIComponent(pair?.[2] ?? "")] as const)
        return pairs.length > 0 && pairs.every((pair) => pair !== null)
          ? Redacted.make(Object.fromEntries(headers), { label: "OTEL_EXPORTER_OTLP_HEADERS" })
          : undefined
      } catch {
        return undefined
      }
    },
    true
  ),
  serviceName: text("OTEL_SERVICE_NAME", "our name at the collector", "threeqpr-events"),
  tracesExporter: exporter("OTEL_TRACES_EXPORTER", "whether traces are sent there"),
  logsExporter: exporter("OTEL_LOGS_EXPORTER", "whether logs are sent there as well"),
  metricsExporter: exporter("OTEL_METRICS_EXPORTER", "whether metrics are sent there as well"),
  sampler: setting(
    "OTEL_TRACES_SAMPLER",
    "which traces are recorded; one that is `parentbased_` follows the caller's `traceparent`",
    samplers.join(", "),
    "parentbased_always_on",
    (text) => samplers.find((sampler) => sampler === text)
  ),
  samplerRatio: setting(
    "OTEL_TRACES_SAMPLER_ARG",
    "the share of traces that a `traceidratio` records",
    "a number from 0 to 1",
    "1",
    (text) => /^(0|1|0?\.\d+|1\.0+|0\.0+)$/.test(text) ? Number(text) : undefined
  )
} satisfies Record<string, Setting<unknown>>

type Value<S> = S extends Setting<infer A, infer F> ? A | (F extends string ? never : undefined) : never

/** All settings, decoded. Those without a fallback may be undefined. */
export type Config = { readonly [K in keyof typeof settings]: Value<(typeof settings)[K]> } & {
  /** Where secrets were read from that a `_FILE` variable names, by the variable that they stand for. */
  readonly secretFiles: Readonly<Record<string, string>>
}

/** Flags of the command line, by the variable they stand for. */
export type Flags = Readonly<Record<string, string>>

/**
 * Reads every setting: a flag over the environment over the default. An empty variable is like an unset
 * one; a secret may also stand in a file. Fails with all that is wrong: the variable, what was given (never a secret), what is allowed.
 */
export const load = Effect.fnUntraced(function*(flags: Flags = {}) {
  const environment = yield* ConfigProvider.ConfigProvider
  const provider = ConfigProvider.orElse(ConfigProvider.fromUnknown(flags), environment)
  const faults: Array<string> = []
  const secretFiles: Record<string, string> = {}
  const values: Record<string, unknown> = { secretFiles }
  for (const [name, setting] of Object.entries<Setting<unknown>>(settings)) {
    const given = yield* read(provider, setting.variable)
    const file = isInFile(setting) ? yield* read(provider, `${setting.variable}_FILE`) : undefined
    if (given !== undefined && file !== undefined) {
      faults.push(`${setting.variable} and ${setting.variable}_FILE are both set; unset one of them.`)
      continue
    }
    const inFile = file === undefined ? undefined : contentOf(setting.variable, file)
    if (typeof inFile === "object") {
      faults.push(inFile.fault)
      continue
    }
    if (file !== undefined) secretFiles[setting.variable] = file
    const text = given ?? inFile ?? setting.fallback
    if (text === undefined) continue
    values[name] = setting.parse(text)
    if (values[name] === undefined) faults.push(faultOf(setting, text))
  }
  const { adminReadToken, adminToken, apiKey, dedupWindow, reconcileEvery, retention } = values as Partial<
    Config
  >
  if (reconcileEvery !== undefined && apiKey === undefined) {
    faults.push("RECONCILE_EVERY is set and THREEQPR_API_KEY is not; without a key 3QPR tells of no scans.")
  }
  if (
    adminReadToken !== undefined && (adminToken === undefined || Equal.equals(adminReadToken, adminToken))
  ) {
    faults.push(
      "ADMIN_READ_TOKEN is set, and ADMIN_TOKEN is not or is the same; who may change something needs a token of "
        + "their own."
    )
  }
  if (dedupWindow !== undefined && retention?.millis !== undefined && retention.millis < dedupWindow) {
    faults.push(`RETENTION is shorter than DEDUP_WINDOW; allowed is ${settings.retention.allowed}.`)
  }
  if (faults.length > 0) return yield* new ConfigInvalid({ message: faults.join("\n") })
  return values as Config
})

/** A variable that is set, and not to nothing. */
const read = (provider: ConfigProvider.ConfigProvider, variable: string) =>
  Effect.map(
    EffectConfig.String(variable).pipe(EffectConfig.option).parse(provider),
    (given) => Option.getOrUndefined(Option.filter(given, (text) => text !== ""))
  )

/** The file of webhook secrets is another setting: it is read again and again. */
const isInFile = ({ secret, variable }: Setting<unknown>) => secret && variable !== settings.secrets.variable

const faultOf = ({ allowed, secret, variable }: Setting<unknown>, given: string) =>
  `${variable} is ${
    secret ? "not valid (its value is not shown)" : JSON.stringify(given)
  }; allowed is ${allowed}.`
