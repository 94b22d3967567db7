import { Schema } from "effect"

/**
 * The identity of an event: 1–200 printable ASCII characters without spaces, so that it is valid in a NATS header.
 * 3QPR sends the same id with every delivery attempt of one event.
 */
export const EventId = Schema.String.check(
  Schema.isPattern(/^[\x21-\x7e]{1,200}$/, {
    expected: "1 to 200 printable ASCII characters without spaces"
  })
)
export type EventId = typeof EventId.Type

export const isEventId = Schema.is(EventId)
