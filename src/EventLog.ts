import { Context, type Effect, type Option, Schema } from "effect"

/** The stream that holds every accepted event. */
export const stream = "3QPR_EVENTS"

/** The subject of an event of a type; the type is a subject as it stands. */
export const eventSubject = (type: string) => `3qpr.events.${type}`

/** The subject under which authentic but unusable input is kept. */
export const quarantineSubject = (reason: string) => `3qpr.quarantine.${reason}`

/** Where the log's own probes go; they are deleted as soon as they are acknowledged. */
export const probeSubject = quarantineSubject("probe")

/** What is to be stored: the bytes 3QPR signed, and what we know of them. */
export interface Entry {
  /** `Nats-Msg-Id` and `ce-id`: what the log deduplicates by. */
  readonly id: string
  readonly subject: string
  readonly type: string
  readonly body: Uint8Array
  readonly signature: string
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
}

/** Proof that an entry is stored: by this append, or (duplicate) by an earlier one with the same id. */
export interface Stored {
  readonly sequence: number
  readonly duplicate: boolean
}

/** An entry as the log gives it back. */
export interface LoggedEntry {
  readonly sequence: number
  readonly subject: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/**
 * An append without proof that the entry is stored. `timeout` and `disconnected` leave it unknown, the
 * others are refusals; in every case appending the same id again is safe, and right.
 */
export class AppendFailed extends Schema.TaggedError<AppendFailed>()("AppendFailed", {
  reason: Schema.Literals(["disconnected", "timeout", "full", "too_large", "no_stream", "refused"]),
  message: Schema.String
}) {}

/** The log could not be read; a retry can help. */
export class ReadFailed extends Schema.TaggedError<ReadFailed>()("ReadFailed", { message: Schema.String }) {}

/** Whether an append would be stored right now, and if not, why. */
export type Health = { readonly ready: true } | { readonly ready: false; readonly reason: string }

/**
 * The append-only log of everything 3QPR signed. Deduplicates by id inside a window of at least 3QPR's
 * retry schedule; gives sequences that only grow; keeps bytes and headers as they came.
 */
export class EventLog extends Context.Service<EventLog, {
  /** Succeeds only when the entry is stored. Settles within `appendTimeout`. */
  readonly append: (entry: Entry) => Effect.Effect<Stored, AppendFailed>
  /** The entry at a sequence; none where there is a gap or the end. */
  readonly get: (sequence: number) => Effect.Effect<Option.Option<LoggedEntry>, ReadFailed>
  /** How many entries there are and the sequence of the last (0 when empty). */
  readonly state: Effect.Effect<{ readonly entries: number; readonly lastSequence: number }, ReadFailed>
  readonly health: Effect.Effect<Health>
  /** What a stored entry survives in the present set-up, in one sentence. */
  readonly durability: string
  /** The largest body the log can hold, in bytes. */
  readonly maxBodyBytes: number
}>()("threeqpr-events/EventLog") {}

/** The longest an append takes to settle, in milliseconds. */
export const appendTimeout = 3_000

/** The time from 3QPR's first delivery attempt to its last: 5 s + 30 s + 2 min + 10 min + 1 h. */
export const retrySchedule = 4_355_000
