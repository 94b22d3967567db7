import { Context, Effect, Layer } from "effect"
import { ErasedIds } from "../../EventLog/ErasedIds.ts"
import * as Follow from "../../EventLog/ErasedIds/Follow.ts"
import { EventLog } from "../../EventLog/EventLog.ts"
import * as JetStream from "../../EventLog/JetStream.ts"
import { Nats } from "../../Nats/Nats.ts"
import { type PlainCredentials, redacted } from "../../Nats/Target.ts"

/** The broker, and settings for a stream that does not exist yet. */
export interface BrokerOptions extends PlainCredentials {
  readonly natsUrl: string | ReadonlyArray<string>
  /** Number of servers that keep each event; 1 if undefined. An existing stream is used as it is. */
  readonly replicas?: number | undefined
}

/** The event log on a broker, and the ids that were erased from it. It stays connected until the scope ends. */
export const logOn = (options: BrokerOptions) => {
  const { natsUrl, replicas = 1 } = options
  const nats = Nats.layer({
    servers: typeof natsUrl === "string" ? natsUrl.split(",").map((url) => url.trim()) : natsUrl,
    ...redacted(options),
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
