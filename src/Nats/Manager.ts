import { Effect } from "effect"
import type { Nats } from "./Nats.ts"

/** The JetStream manager of a connection. Creating it sends no request to the broker. */
export const managerOf = ({ connection }: Pick<Nats["Service"], "connection">) =>
  Effect.promise(() => connection.jetstreamManager({ checkAPI: false }))
