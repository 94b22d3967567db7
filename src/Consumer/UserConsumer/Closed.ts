import { Effect, Schema } from "effect"
import type { Nats } from "../../Nats/Nats.ts"
import { messageOf } from "../../Process/Failure.ts"

/** The connection to the broker has ended and does not come back. */
export class ConnectionClosed
  extends Schema.TaggedError<ConnectionClosed>()("ConnectionClosed", { message: Schema.String })
{}

/** Fails when the connection has ended, with the reason. A connection that is lost and comes back does not end. */
export const untilClosed = ({ connection, fault }: Nats["Service"]): Effect.Effect<never, ConnectionClosed> =>
  Effect.flatMap(Effect.promise(() => connection.closed()), (error) =>
    Effect.fail(
      new ConnectionClosed({
        message: `The connection to the broker has ended: ${
          error ? messageOf(error) : fault() ?? "it was closed"
        }`
      })
    ))
