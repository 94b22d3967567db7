import { DateTime } from "effect"
import { headerOf } from "../Nats/Header.ts"
import type { Message } from "../Nats/Message.ts"
import type { LoggedEntry } from "./EventLog.ts"
import { typeOf } from "./Names.ts"

/** An event of the log as a consumer receives it. */
export interface Delivered {
  readonly id: string
  readonly type: string
  readonly sequence: number
  readonly body: Uint8Array
  /** When the event was received (ISO 8601). */
  readonly receivedAt: string
  /** 1 for the first delivery. The broker can also redeliver without increasing it. */
  readonly deliveries: number
  /** Whether this is a redriven dead letter. */
  readonly redriven?: boolean
  readonly subject: string
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
}

/**
 * The id, the type and the time of receipt of a message of the log, for every reader. They come from its headers. If
 * another program published it without them, they come from its subject, its sequence and the time at which it was
 * stored.
 */
const toldBy = (
  header: (name: string) => string,
  { sequence, storedAt, subject }: Pick<LoggedEntry, "sequence" | "storedAt" | "subject">
) => ({
  id: header("ce-id") || header("Nats-Msg-Id") || `sequence:${sequence}`,
  type: header("ce-type") || typeOf(subject),
  receivedAt: header("3qpr-received-at") || DateTime.formatIso(DateTime.makeUnsafe(Math.floor(storedAt)))
})

/** The event of a delivery. */
export const deliveredOf = ({ deliveries, msg, sequence, storedAt }: Message): Delivered => ({
  ...toldBy(headerOf(msg), { sequence, storedAt, subject: msg.subject }),
  sequence,
  body: msg.data,
  deliveries,
  subject: msg.subject,
  // Computed on access, because few readers need the headers.
  get headers() {
    return [...msg.headers ?? []].map(([name, values]) => [name, values.join(", ")] as const)
  }
})

/** The event of an entry of the log, equal to the event of its first delivery. */
export const eventOf = (entry: LoggedEntry): Delivered => {
  const { body, headers, sequence, subject } = entry
  // Of a repeated header, the first value.
  const header = (name: string) => headers[name]?.split(", ")[0]?.trim() ?? ""
  return {
    ...toldBy(header, entry),
    sequence,
    body,
    deliveries: 1,
    subject,
    headers: Object.entries(headers)
  }
}

/** The id of the event of an entry. */
export const idOf = (entry: LoggedEntry) => eventOf(entry).id
