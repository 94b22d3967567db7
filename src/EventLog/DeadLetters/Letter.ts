import { Buffer } from "node:buffer"
import type { Delivered } from "../Delivered.ts"
import type { LoggedEntry } from "../EventLog.ts"
import { deadSubjects } from "../Names.ts"

/** What is known of an event that a consumer could not handle. */
export interface DeadLetter {
  /** `<consumer>:<sequence>`. */
  readonly id: string
  readonly consumer: string
  /** Of the event in the event log. */
  readonly sequence: number
  readonly eventId: string
  readonly type: string
  /** Under which the event is in the log. */
  readonly subject: string
  readonly error: string
  /** How often the consumer was given the event, redrives included. */
  readonly attempts: number
  /** Of the event, ISO 8601; undefined on a letter of an earlier version whose event had no such header. */
  readonly receivedAt: string | undefined
  /** ISO 8601. */
  readonly firstFailedAt: string
  /** ISO 8601. */
  readonly lastFailedAt: string
  /** Of the event's bytes. */
  readonly size: number
  /** The event's own headers, as they are in the log. */
  readonly headers: Readonly<Record<string, string>>
  /** Its place among the dead letters; a further failure gives it a new one. */
  readonly place: number
}

export const deadLetterId = (consumer: string, sequence: number) => `${consumer}:${sequence}`

/** The consumer and the sequence that an id names; undefined when it is no id. */
export const parseId = (id: string) => {
  const [, consumer, sequence] = /^([^\s.:*>]+):([1-9]\d{0,15})$/.exec(id) ?? []
  return consumer === undefined ? undefined : { consumer, sequence: Number(sequence) }
}

type Headers = ReadonlyArray<readonly [name: string, value: string]>

/** The headers of a letter's message: those of the event, and what the letter says, in a number of bytes. */
export const headersOf = (event: Headers, letter: Said, room: number): Headers => {
  const headers = [...event, ...factsOf(letter)]
  return [...headers, ["3qpr-dead-error", asHeader(letter.error, room - sizeOf(headers))]]
}

/** The size of headers, with what the broker needs around them. */
export const sizeOf = (headers: Headers) =>
  headers.reduce((bytes, [name, value]) => bytes + name.length + Buffer.byteLength(value) + 4, 64)

// A header is one line of bounded length, written as UTF-8. With the event it has to fit in one message.
const asHeader = (text: string, room: number) =>
  Buffer.from(text.replace(/[\s\p{Cc}]+/gu, " ").trim()).subarray(0, Math.min(2_000, Math.max(0, room)))
    .toString("utf8").replace(/\uFFFD$/, "")

/** What a letter says in its own headers, beside those of the event. */
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

/** Reads a letter; undefined for a message that another program put into the stream. */
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

/** The event that a letter was made of, to be handled once more. */
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

// JetStream adds it to a message without its body.
const sizeHeader = "Nats-Msg-Size"
