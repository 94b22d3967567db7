import { Redacted } from "effect"
import type { Limits } from "../Nats/Limits.ts"
import type { Target } from "../Nats/Nats.ts"
import type { Config } from "../Process/Config.ts"
import { stream } from "./Names.ts"

/** The broker at NATS_URL, with the configured credentials. */
export const externalTarget = (
  config: Config,
  servers: ReadonlyArray<Redacted.Redacted<string>>
): Target => ({
  servers: servers.map(Redacted.value),
  token: config.natsToken,
  tokenFile: config.secretFiles["NATS_TOKEN"],
  inboxPrefix: config.natsInboxPrefix,
  limits: limitsOf(config),
  user: config.natsUser,
  password: config.natsPassword,
  passwordFile: config.secretFiles["NATS_PASSWORD"],
  credentialsFile: config.natsCredentials,
  ...((config.natsTlsCa ?? config.natsTlsCert ?? config.natsTlsKey) !== undefined && {
    tls: { ca: config.natsTlsCa, cert: config.natsTlsCert, key: config.natsTlsKey }
  })
})

/**
 * The configured limits for streams and consumers. Each stream other than the event stream gets a tenth of its size.
 */
export const limitsOf = (
  { maxAckPending, streamMaxBytes }: Partial<Pick<Config, "maxAckPending" | "streamMaxBytes">>
): Limits => ({
  maxAckPending,
  streamBytes: (name) => streamMaxBytes && (name === stream ? streamMaxBytes : Math.ceil(streamMaxBytes / 10))
})
