import type { Effect } from "effect"
import type { JetStreamManager, StreamInfo } from "nats"
import type { Nats } from "../../Nats/Nats.ts"
import type { Config } from "../../Process/Config.ts"

/** What is looked at: the settings, where the listeners are, and one connection for all checks. */
export interface Subject {
  readonly config: Config
  /** Of the public listener, without a path. */
  readonly url: string
  /** Of the private listener. */
  readonly adminUrl: string
  /** Made once; fails when there is no broker. */
  readonly nats: Effect.Effect<Nats["Service"], Error>
  /** Read once; fails when there is no event stream. */
  readonly log: Effect.Effect<Log, Error>
}

/** The event stream as the broker describes it, and the connection to ask for more. */
export interface Log {
  readonly nats: Nats["Service"]
  readonly manager: JetStreamManager
  readonly info: StreamInfo
}
