import { Effect, Layer } from "effect"
import { Consumers } from "../../src/Consumer/Consumer.ts"
import * as Durable from "../../src/Consumer/Durable.ts"
import { DeadLetters } from "../../src/EventLog/DeadLetters.ts"
import * as JetStream from "../../src/EventLog/JetStream.ts"
import { stream } from "../../src/EventLog/Names.ts"
import { Nats } from "../../src/Nats/Nats.ts"
import { NatsServer } from "../../src/Nats/Server.ts"
import * as Broker from "./Broker.ts"

/** A separate connection to the test's broker. */
export const nats = Layer.unwrap(
  Effect.map(NatsServer, ({ token, url }) => Nats.layer({ servers: [url], token }))
)

/** The event log on the test's broker. */
export const log = Layer.unwrap(
  Effect.map(NatsServer, ({ syncsBeforeAck }) => JetStream.layer({ ...topology, syncsBeforeAck }))
).pipe(Layer.provideMerge(nats))

export const topology = { dedupWindow: 7_200_000, replicas: 1 }

/** The event log on a new broker. */
export const logOnBroker = log.pipe(Layer.provideMerge(Broker.layer))

/** The event log and its durable consumers on a new broker. */
export const consumersOnBroker = Consumers.layer.pipe(
  Layer.provideMerge(DeadLetters.layer),
  Layer.provideMerge(logOnBroker)
)

/**
 * Deletes a durable consumer of the log. nats-server 2.9 can answer that the consumer's folder is not empty, because
 * it wrote to the folder meanwhile. A second request then reports that the consumer does not exist.
 */
export const deleteDurable = Effect.fnUntraced(function*(durable: string) {
  const { connection } = yield* Nats
  const manager = yield* Effect.promise(() => connection.jetstreamManager({ checkAPI: false }))
  yield* Effect.retry(Durable.deleteDurable(manager, stream, durable), { times: 3 })
})
