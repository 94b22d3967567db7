import { Buffer } from "node:buffer"
import type { Delivered } from "../Delivered.ts"
import type { LoggedEntry } from "../EventLog.ts"
import { deadSubjects } from "../Names.ts"

/** An event that a consumer could not handle, with its error. */
export interface DeadLetter {
  /** `<consumer>:<sequence>`. */
  readonly id: string
  readonly consumer: string
  /** Sequence of the event in the event log. */
  readonly sequence: number
  readonly eventId: string
  readonly type: string
  /** Subject of the event in the event log. */
  readonly subject: string
  readonly error: string
  /** Number of times the event was delivered to the consumer, including redrives. */
  readonly attempts: number
  /**
   * When the event was received (ISO 8601). Undefined for a letter of an earlier version whose event has no such
   * header.
   */
  readonly receivedAt: string | undefined
  /** ISO 8601. */
  readonly firstFailedAt: string
  /** ISO 8601. */
  readonly lastFailedAt: string
  /** Size of the event's body in bytes. */
  readonly size: number
  /** The event's headers, as stored in the event log. */
  readonly headers: Readonly<Record<string, string>>
  /** Sequence of the letter in the dead-letter stream. Each further failure assigns a new one. */
  readonly place: number
}

export const deadLetterId = (consumer: string, sequence: number) => `${consumer}:${sequence}`

/** Parses a dead letter id. Returns undefined for any other text. */
export const parseId = (id: string) => {
  const [, consumer, sequence] = /^([^\s.:*>]+):([1-9]\d{0,15})$/.exec(id) ?? []
  return consumer === undefined ? undefined : { consumer, sequence: Number(sequence) }
}

type Headers = ReadonlyArray<readonly [name: string, value: string]>

/**
 * The headers of a letter's message: those of the event and the facts of the failure. `room` is their maximum size in
 * bytes; the error is shortened to fit.
 */
export const headersOf = (event: Headers, letter: Said, room: number): Headers => {
  const headers = [...event, ...factsOf(letter)]
  return [...headers, ["3qpr-dead-error", asHeader(letter.error, room - sizeOf(headers))]]
}

/** The size of the headers in bytes, including the broker's framing. */
export const sizeOf = (headers: Headers) =>
  headers.reduce((bytes, [name, value]) => bytes + name.length + Buffer.byteLength(value) + 4, 64)

// A header value is one line of UTF-8. It is shortened so that the headers and the event's body fit in one message.
const asHeader = (text: string, room: number) =>
  Buffer.from(text.replace(/[\s\p{Cc}]+/gu, " ").trim()).subarray(0, Math.min(2_000, Math.max(0, room)))
    .toString("utf8").replace(/\uFFFD$/, "")

/** The facts of the failure, stored in headers beside those of the event. */
type Said =
  & Pick<
    DeadLetter,
    | "consumer"
    | "sequence"
    | "eventId"
    | "type"
    | "subject"
    | "attempts"
    | "firstFailedAt"
    | "lastFailedAt"
    | "error"
  >
  & { readonly receivedAt: string | undefined }

const factsOf = (letter: Said): Headers => [
  ["3qpr-dead-consumer", letter.consumer],
  ["3qpr-dead-sequence", String(letter.sequence)],
  ["3qpr-dead-event", letter.eventId],
  ["3qpr-dead-type", letter.type],
  ...(letter.receivedAt === undefined ? [] : [["3qpr-dead-received-at", letter.receivedAt] as const]),
  ["3qpr-dead-subject", letter.subject],
  ["3qpr-dead-attempts", String(letter.attempts)],
  ["3qpr-dead-first-at", letter.firstFailedAt],
  ["3qpr-dead-at", letter.lastFailedAt]
]

/** Decodes a letter. Returns undefined for a message that another program published to the stream. */
export const letterOf = (entry: LoggedEntry): DeadLetter | undefined => {
  const { headers: all, sequence: place, subject } = entry
  const consumer = all["3qpr-dead-consumer"]
  const sequence = Number(all["3qpr-dead-sequence"])
  if (consumer === undefined || !Number.isSafeInteger(sequence)) return undefined
  const headers = Object.fromEntries(
    Object.entries(all).filter(([name]) => !name.startsWith("3qpr-dead-") && !name.startsWith("Nats-"))
  )
  const lastFailedAt = all["3qpr-dead-at"] ?? ""
  return {
    id: deadLetterId(consumer, sequence),
    consumer,
    sequence,
    eventId: all["3qpr-dead-event"] ?? headers["ce-id"] ?? `sequence:${sequence}`,
    type: all["3qpr-dead-type"] ?? headers["ce-type"] ?? subject.slice(deadSubjects(consumer).length - 1),
    subject: all["3qpr-dead-subject"] ?? "",
    error: all["3qpr-dead-error"] ?? "",
    attempts: Number(all["3qpr-dead-attempts"] ?? 1),
    receivedAt: all["3qpr-dead-received-at"] ?? headers["3qpr-received-at"],
    firstFailedAt: all["3qpr-dead-first-at"] ?? lastFailedAt,
    lastFailedAt,
    size: entry.body.length || Number(all[sizeHeader] ?? 0),
    headers,
    place
  }
}

/** The event of a letter, to be handled again. */
export const eventOf = (letter: DeadLetter, body: Uint8Array): Delivered => ({
  id: letter.eventId,
  type: letter.type,
  sequence: letter.sequence,
  body,
  receivedAt: letter.receivedAt ?? letter.firstFailedAt,
  deliveries: letter.attempts + 1,
  subject: letter.subject,
  headers: Object.entries(letter.headers)
})

// JetStream adds this header when it delivers a message without its body.
const sizeHeader = "Nats-Msg-Size"
