import { DateTime } from "effect"
import { headerOf } from "../Nats/Header.ts"
import type { Message } from "../Nats/Message.ts"
import type { LoggedEntry } from "./EventLog.ts"
import { typeOf } from "./Names.ts"

/** An event of the log as a consumer gets it. */
export interface Delivered {
  readonly id: string
  readonly type: string
  readonly sequence: number
  readonly body: Uint8Array
  /** ISO 8601; when the event came in. */
  readonly receivedAt: string
  /** 1 for the first delivery. The broker may also deliver again without counting. */
  readonly deliveries: number
  /** It is the event of a dead letter that is redriven. */
  readonly redriven?: boolean
  readonly subject: string
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
}

/**
 * The id, the type and the time of receipt that a message of the log gives, for all who read it: from its headers or,
 * when another program wrote it without them, from its subject, its place and the time at which it was stored.
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
  // Few readers need them.
  get headers() {
    return [...msg.headers ?? []].map(([name, values]) => [name, values.join(", ")] as const)
  }
})

/** The event of an entry of the log, as a delivery of it has it. */
export const eventOf = (entry: LoggedEntry): Delivered => {
  const { body, headers, sequence, subject } = entry
  // Of a header that is repeated, the first.
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
