import type { JetStreamManager, NatsConnection } from "nats"
import { explain } from "./JetStreamFault.ts"

/** Limits that an account, often of a hosted NATS, requires of streams and consumers. */
export interface Limits {
  /** Maximum size of a new stream in bytes, by its name. Undefined for no limit. */
  readonly streamBytes?: ((stream: string) => number | undefined) | undefined
  /** Maximum number of events that a durable consumer has delivered and not acknowledged. */
  readonly maxAckPending?: number | undefined
}

/**
 * Keeps all streams and consumers that this connection creates within the limits, and adds remedies to JetStream's
 * errors. It wraps the connection, so that no code can bypass the limits.
 */
export const keepWithin = (connection: NatsConnection, limits: Limits): NatsConnection => {
  const makeManager = connection.jetstreamManager.bind(connection)
  const explained = <A>(answer: Promise<A>) =>
    answer.catch((error: unknown) => {
      throw explain(error, connection.info?.jetstream === true)
    })
  return Object.assign(connection, {
    jetstreamManager: async (...options: Parameters<typeof makeManager>) =>
      limit(await explained(makeManager(...options)), limits, explained)
  })
}

const limit = (
  manager: JetStreamManager,
  { maxAckPending = Infinity, streamBytes }: Limits,
  explained: <A>(answer: Promise<A>) => Promise<A>
) => {
  const { consumers, streams } = manager
  const addStream = streams.add.bind(streams)
  const addConsumer = consumers.add.bind(consumers)
  Object.assign(
    streams,
    {
      add: (config: Parameters<typeof addStream>[0]) => {
        const size = config.name === undefined ? undefined : streamBytes?.(config.name)
        return explained(addStream(size === undefined ? config : { max_bytes: size, ...config }))
      }
    } satisfies Partial<typeof streams>
  )
  Object.assign(
    consumers,
    {
      // The client's own `update` passes a third argument, which distinguishes an update from a creation.
      add: (...[stream, config, ...action]: Parameters<typeof addConsumer>) => {
        const pending = config.max_ack_pending
        return explained(addConsumer(
          stream,
          pending === undefined ? config : { ...config, max_ack_pending: Math.min(pending, maxAckPending) },
          ...action
        ))
      }
    } satisfies Partial<typeof consumers>
  )
  return manager
}
