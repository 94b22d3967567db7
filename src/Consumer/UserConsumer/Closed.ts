import { Effect, Schema } from "effect"
import type { Nats } from "../../Nats/Nats.ts"
import { messageOf } from "../../Process/Failure.ts"

/** The connection to the broker has ended and is not restored. */
export class ConnectionClosed
  extends Schema.TaggedError<ConnectionClosed>()("ConnectionClosed", { message: Schema.String })
{}

/** Fails when the connection has ended, with the reason. A lost connection that is restored has not ended. */
export const untilClosed = ({ connection, fault }: Nats["Service"]): Effect.Effect<never, ConnectionClosed> =>
  Effect.flatMap(Effect.promise(() => connection.closed()), (error) =>
    Effect.fail(
      new ConnectionClosed({
        message: `The connection to the broker has ended: ${
          error ? messageOf(error) : fault() ?? "it was closed"
        }`
      })
    ))
