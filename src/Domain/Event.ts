/**
 * Room `Domain`: schemas, decoding, facts about 3QPR.
 *
 * Promises: Decoding never throws. A body becomes an event, or a reason for quarantine.
 *
 * May use: nothing.
 */
import { Schema } from "effect"
import { Conversation } from "./Conversation.ts"
import { EventId } from "./EventId.ts"
import { listedCode, QprCode } from "./QprCode.ts"
import { Scan } from "./Scan.ts"
import { Subscription } from "./Subscription.ts"

/**
 * The type of an event, such as `scan.created`: words of letters, digits, `_` and `-`, joined by dots, at most 100
 * characters. It is therefore a valid NATS subject.
 */
export const EventType = Schema.String.check(
  Schema.isPattern(/^(?=.{1,100}$)[\w-]+(\.[\w-]+)*$/, {
    expected: "words of letters, digits, _ and - joined by dots, 100 characters at most"
  })
)
export type EventType = typeof EventType.Type

/** The fields of every event of 3QPR. Unknown fields are kept. */
export const Envelope = Schema.Struct({
  id: EventId,
  event: EventType,
  data: Schema.optional(Schema.Unknown)
})
export type Envelope = typeof Envelope.Type

/** The schema of the data of each known type. Any other type may carry any data. */
export const dataOf = {
  "scan.created": Scan,
  "conversation.completed": Conversation,
  "qpr_code.created": QprCode,
  [listedCode]: QprCode,
  "subscription.upgraded": Subscription,
  "subscription.cancelled": Subscription
} as const

/**
 * The fields of each type that identify the entity and the time of an event. An event is refused when one of them
 * does not match. Any other field that does not match is read as null.
 */
export const decisive: Readonly<Record<KnownType, ReadonlyArray<string>>> = {
  "scan.created": ["id", "scanned_at"],
  "conversation.completed": ["id", "conversation_id", "completed_at"],
  "qpr_code.created": ["id", "created_at"],
  [listedCode]: ["id", "created_at"],
  "subscription.upgraded": ["id", "updated_at"],
  "subscription.cancelled": ["id", "updated_at"]
}

export type KnownType = keyof typeof dataOf

export const isKnownType = (type: string): type is KnownType => Object.hasOwn(dataOf, type)

/** The types that 3QPR sends. */
export const knownTypes: ReadonlyArray<KnownType> = Object.keys(dataOf).filter(isKnownType).filter((type) =>
  type !== listedCode
)

/** An event of type `T`, with all fields that 3QPR sent. */
export interface Event<T extends KnownType> {
  readonly id: EventId
  readonly event: T
  readonly data: (typeof dataOf)[T]["Type"]
}
