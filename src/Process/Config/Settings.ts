import { Duration, Redacted } from "effect"
import { retrySchedule } from "../../Domain/RetrySchedule.ts"
import * as Secret from "../../Domain/Secret.ts"
import { hasCredentials, isSafe } from "./Address.ts"
import { openTelemetry } from "./OpenTelemetry.ts"
import { age, duration, list, secret, type Setting, setting, text, token, wholeNumber } from "./Setting.ts"

/** Every setting. `npm run docs:reference` generates docs/configuration.md from this. */
export const settings = {
  secrets: setting(
    "THREEQPR_WEBHOOK_SECRET",
    "3QPR's webhook secret. During a rotation, several separated by commas, each with `;until=<time>` if it expires",
    `one or more secrets of at least ${Secret.leastLength} characters, separated by commas; a secret that expires is written `
      + `${Secret.example}. 3QPR issues a secret when a webhook is registered; \`openssl rand -hex 24\` makes one for tests`,
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
    "file with the webhook secret, one per line; it is read again while the process runs"
  ),
  apiKey: secret("THREEQPR_API_KEY", "key of 3QPR's API, for `register` and `reconcile`"),
  apiUrl: setting(
    "THREEQPR_API_URL",
    "address of 3QPR's API",
    "an https:// address, or http:// on this machine, without a user or password",
    "https://api.3qpr.com",
    (text) => isSafe(text) && !hasCredentials(text) ? text.replace(/\/+$/, "") : undefined
  ),
  reconcileEvery: duration(
    "RECONCILE_EVERY",
    "how often `serve` compares 3QPR's scans and codes with the log; unset turns this off",
    60_000,
    "a minute",
    undefined
  ),
  host: text("HOST", "address of the public listener", "0.0.0.0"),
  port: wholeNumber("PORT", "port of the public listener; 0 takes a free one", "3000", 0, 65_535),
  adminHost: text("ADMIN_HOST", "address of the private listener", "127.0.0.1"),
  adminPort: wholeNumber("ADMIN_PORT", "port of the private listener; 0 takes a free one", "3001", 0, 65_535),
  adminToken: token(
    "ADMIN_TOKEN",
    "bearer token of the private listener; unset generates one in DATA_DIR; required beyond loopback"
  ),
  adminWithoutToken: setting(
    "ADMIN_WITHOUT_TOKEN",
    "`true` requires no token on loopback: every user and program of this machine can read and change everything",
    "true or false",
    "false",
    (text) => text === "true" ? true : text === "false" ? false : undefined
  ),
  adminReadToken: token("ADMIN_READ_TOKEN", "bearer token for read-only access to the private listener"),
  adminAllowedHosts: setting(
    "ADMIN_ALLOWED_HOSTS",
    "additional host names of the private listener, separated by commas, such as the name of a reverse proxy",
    "host names without a port, separated by commas, such as events.example.com",
    undefined,
    (text) => list(text).every((name) => /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(name)) ? list(text) : undefined
  ),
  dataDir: text("DATA_DIR", "folder of the embedded broker and the embedded database", "./data"),
  natsUrl: setting(
    "NATS_URL",
    "NATS servers, separated by commas; unset runs the embedded broker",
    "one or more nats:// or tls:// addresses separated by commas; tls:// requires TLS",
    undefined,
    (text) => {
      const servers = list(text)
      const valid = servers.length > 0 &&
        servers.every((server) => /^((nats|tls):\/\/)?[^\s/]+\/?$/i.test(server))
      return valid ? servers.map((server) => Redacted.make(server)) : undefined
    },
    true
  ),
  natsCredentials: text("NATS_CREDS", "NATS credentials file"),
  natsUser: text("NATS_USER", "NATS user"),
  natsPassword: secret("NATS_PASSWORD", "NATS password"),
  natsToken: secret("NATS_TOKEN", "NATS token"),
  natsInboxPrefix: setting(
    "NATS_INBOX_PREFIX",
    "prefix of the subjects for NATS replies",
    "a subject without wildcards, such as _INBOX_ingress",
    "_INBOX",
    (text) => /^[^\s.*>]+(\.[^\s.*>]+)*$/.test(text) ? text : undefined
  ),
  natsTlsCa: text("NATS_TLS_CA", "file with the certificate authority of NATS"),
  natsTlsCert: text("NATS_TLS_CERT", "file with the client certificate for NATS"),
  natsTlsKey: text("NATS_TLS_KEY", "file with the key of the client certificate for NATS"),
  natsServerBinary: text("NATS_SERVER_BIN", "nats-server binary for the embedded broker"),
  databaseUrl: setting(
    "DATABASE_URL",
    "Postgres 15 or later; unset runs the embedded Postgres",
    "a postgres:// or postgresql:// address",
    undefined,
    (text) => /^postgres(ql)?:$/.test(URL.parse(text)?.protocol ?? "") ? Redacted.make(text) : undefined,
    true
  ),
  dedupWindow: duration(
    "DEDUP_WINDOW",
    "how long the stream recognizes a stored id",
    retrySchedule,
    `${Duration.format(Duration.millis(retrySchedule))} (3QPR's retry schedule)`,
    "2 hours"
  ),
  retention: age(
    "RETENTION",
    "how long the stream keeps events",
    "the DEDUP_WINDOW",
    retrySchedule
  ),
  rowRetention: age(
    "ROW_RETENTION",
    "how long read models keep scans and conversations after they happened; counters exclude removed rows",
    "an hour",
    3_600_000
  ),
  projections: text(
    "PROJECTIONS",
    "file that exports read models of your own, for the roles projector and admin"
  ),
  autoRebuild: setting(
    "AUTO_REBUILD",
    "`true` rebuilds a read model when its version has changed; otherwise the rebuild waits for a command",
    "true or false",
    "false",
    (text) => text === "true" ? true : text === "false" ? false : undefined
  ),
  replicas: wholeNumber("STREAM_REPLICAS", "replicas of each stream in a cluster", "1", 1, 5),
  streamMaxBytes: wholeNumber(
    "STREAM_MAX_BYTES",
    "size limit of a new event stream, for accounts that require one; each other stream gets a tenth",
    undefined,
    1_048_576,
    Number.MAX_SAFE_INTEGER
  ),
  maxAckPending: wholeNumber(
    "MAX_ACK_PENDING",
    "highest number of unacknowledged events of a new durable consumer, for accounts that limit it",
    undefined,
    1,
    1_000_000
  ),
  maxBodyBytes: wholeNumber(
    "MAX_BODY_BYTES",
    "largest body of a delivery; unset uses the broker's limit, at most 1 MiB",
    undefined,
    1_024,
    67_108_864
  ),
  maxInFlight: wholeNumber(
    "MAX_IN_FLIGHT",
    "highest number of deliveries that wait to be stored at a time; more are answered 503 unread",
    "512",
    1,
    65_536
  ),
  logLevel: setting(
    "LOG_LEVEL",
    "lowest level that is written to the log",
    "Debug, Info, Warn, Error or None",
    "Info",
    (text) =>
      (["Debug", "Info", "Warn", "Error", "None"] as const).find((level) =>
        level.toLowerCase() === text.toLowerCase()
      )
  ),
  ...openTelemetry
} satisfies Record<string, Setting<unknown>>
