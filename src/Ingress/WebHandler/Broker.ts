import { Context, Effect, Layer, Redacted } from "effect"
import { ErasedIds } from "../../EventLog/ErasedIds.ts"
import * as Follow from "../../EventLog/ErasedIds/Follow.ts"
import { EventLog } from "../../EventLog/EventLog.ts"
import * as JetStream from "../../EventLog/JetStream.ts"
import { Nats, type TlsFiles } from "../../Nats/Nats.ts"

/** The broker, and settings for a stream that does not exist yet. */
export interface BrokerOptions {
  readonly natsUrl: string | ReadonlyArray<string>
  readonly token?: string | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** Path of a NATS credentials file. */
  readonly credentialsFile?: string | undefined
  /** Paths of PEM files. */
  readonly tls?: TlsFiles | undefined
  /** Number of servers that keep each event; 1 if undefined. An existing stream is used as it is. */
  readonly replicas?: number | undefined
}

/** The event log on a broker, and the ids that were erased from it. It stays connected until the scope ends. */
export const logOn = (options: BrokerOptions) => {
  const { credentialsFile, natsUrl, password, replicas = 1, tls, token, user } = options
  const nats = Nats.layer({
    servers: typeof natsUrl === "string" ? natsUrl.split(",").map((url) => url.trim()) : natsUrl,
    token: token === undefined ? undefined : Redacted.make(token),
    user,
    password: password === undefined ? undefined : Redacted.make(password),
    credentialsFile,
    tls,
    // A delivery waits for 4 seconds, and the next delivery connects again.
    attempts: 4
  })
  const log = JetStream.layer({ dedupWindow: 7_200_000, replicas }).pipe(
    Layer.merge(Follow.layer),
    Layer.provide(nats)
  )
  return Effect.map(Layer.build(log), (context) => ({
    log: Context.get(context, EventLog),
    erased: Context.get(context, ErasedIds)
  }))
}
