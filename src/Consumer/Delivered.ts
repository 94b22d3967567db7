import { DateTime } from "effect"
import { headerOf } from "../Nats/Header.ts"
import type { Message } from "./Message.ts"

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
  /** It is a dead letter's event, which somebody asked to be tried once more. */
  readonly redriven?: boolean
  readonly subject: string
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
}

/** What a message says in its headers, or, when somebody else wrote it, in its subject and place. */
export const deliveredOf = ({ deliveries, msg, sequence, storedAt }: Message): Delivered => {
  const header = headerOf(msg)
  const receivedAt = header("3qpr-received-at")
  return {
    id: header("ce-id") || header("Nats-Msg-Id") || `sequence:${sequence}`,
    type: header("ce-type") || msg.subject.replace(/^3qpr\.events\./, ""),
    sequence,
    body: msg.data,
    receivedAt: receivedAt || DateTime.formatIso(DateTime.makeUnsafe(storedAt)),
    deliveries,
    subject: msg.subject,
    // Of most events nobody asks for them.
    get headers() {
      return [...msg.headers ?? []].map(([name, values]) => [name, values.join(", ")] as const)
    }
  }
}
