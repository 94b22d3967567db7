import type { Effect } from "effect"
import type { JetStreamManager, StreamInfo } from "nats"
import type { Nats } from "../../Nats/Nats.ts"
import type { Config } from "../../Process/Config.ts"

/** The subject of the checks: the settings, the addresses of the listeners, and one connection for all checks. */
export interface Subject {
  readonly config: Config
  /** The address of the public listener, without a path. */
  readonly url: string
  /** The address of the private listener. */
  readonly adminUrl: string
  /** Connects once; fails when no broker can be reached. */
  readonly nats: Effect.Effect<Nats["Service"], Error>
  /** Read once; fails when the event stream is missing. */
  readonly log: Effect.Effect<Log, Error>
}

/** The event stream as the broker describes it, with the connection for further queries. */
export interface Log {
  readonly nats: Nats["Service"]
  readonly manager: JetStreamManager
  readonly info: StreamInfo
}
