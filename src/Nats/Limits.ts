import type { JetStreamManager, NatsConnection } from "nats"
import { explain } from "./JetStreamFault.ts"

/** What an account, often of a hosted NATS, demands of streams and consumers. */
export interface Limits {
  /** The size of a stream that is created, in bytes, by its name; undefined for no limit. */
  readonly streamBytes?: ((stream: string) => number | undefined) | undefined
  /** The most events that a durable consumer may have delivered and not acknowledged. */
  readonly maxAckPending?: number | undefined
}

/**
 * Keeps all streams and consumers that are created on this connection within the limits, and lets JetStream's errors
 * say what to do. In one place, so that no stream or consumer is created past it.
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
      // The client's own `update` calls this with a third argument, which tells an update from a creation.
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
