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
 * An event's type, such as `scan.created`: words of letters, digits, `_` and `-`, joined by dots, 100
 * characters at most, so that it is a NATS subject as it stands.
 */
export const EventType = Schema.String.check(
  Schema.isPattern(/^(?=.{1,100}$)[\w-]+(\.[\w-]+)*$/, {
    expected: "words of letters, digits, _ and - joined by dots, 100 characters at most"
  })
)
export type EventType = typeof EventType.Type

/** What every event of 3QPR has. Fields we do not know are kept. */
export const Envelope = Schema.Struct({
  id: EventId,
  event: EventType,
  data: Schema.optional(Schema.Unknown)
})
export type Envelope = typeof Envelope.Type

/** What the data of each type we know must look like; any other type may carry any data. */
export const dataOf = {
  "scan.created": Scan,
  "conversation.completed": Conversation,
  "qpr_code.created": QprCode,
  [listedCode]: QprCode,
  "subscription.upgraded": Subscription,
  "subscription.cancelled": Subscription
} as const

/**
 * The fields of each type that say what an event is about and when that happened. An event is refused when one of them
 * does not fit; any other field is then read as null.
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

/** An event of type `T`, with the fields 3QPR sent and nothing taken away. */
export interface Event<T extends KnownType> {
  readonly id: EventId
  readonly event: T
  readonly data: (typeof dataOf)[T]["Type"]
}
