import { Effect } from "effect"
import type { Nats } from "./Nats.ts"

/** The manager of JetStream over a connection. To make it asks the broker nothing. */
export const managerOf = ({ connection }: Pick<Nats["Service"], "connection">) =>
  Effect.promise(() => connection.jetstreamManager({ checkAPI: false }))
