/**
 * Room `EventLog`: the port, its adapters, streams and headers, dead letters, quarantine, the record of operations.
 *
 * Promises: An append succeeds only after the broker has acknowledged its sequence. A page that is empty, late or
 * refused is three different answers.
 *
 * May use: `Domain`, `Process`, `Nats`.
 */
import { Context, type Effect, type Option, Schema } from "effect"

/** What is to be stored: the bytes 3QPR signed, and what we know of them. */
export interface Entry {
  /** `ce-id`, and without a `dedupId` also `Nats-Msg-Id`: what the log deduplicates by. */
  readonly id: string
  /** `Nats-Msg-Id` of an entry that must not use up its event's id, or is stored again under an id that the log knows. */
  readonly dedupId?: string
  /** The sequence that the entry had in quarantine. */
  readonly quarantinedAs?: number
  readonly subject: string
  readonly type: string
  readonly body: Uint8Array
  /** What 3QPR signed it with; none on what was fetched from 3QPR's API. */
  readonly signature?: string
  /** The reconciliation that fetched it from 3QPR's API, for no webhook told of it. */
  readonly reconciledBy?: number
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
  /** W3C Trace Context; only when something is traced. */
  readonly traceparent?: string | undefined
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
  /** When the log stored it, in milliseconds since the epoch. */
  readonly storedAt: number
}

/** A part of the log: what is behind a sequence. */
export interface Part {
  readonly after: number
  /** A subject or a wildcard; everything when undefined. */
  readonly filter?: string | undefined
}

export interface ReadOptions extends Part {
  /** How many entries at most; fewer come when they are large. */
  readonly limit: number
  /** How long to wait for the first entry when there is none, in milliseconds; not at all when undefined. */
  readonly wait?: number | undefined
}

/** What a read brought. Entries that were deleted meanwhile are left out, so a page without any can have a next one. */
export interface Page {
  readonly entries: ReadonlyArray<LoggedEntry>
  /** Read on behind this sequence. */
  readonly cursor: number
  /** Whether the log said that it has nothing behind the cursor that fits. Only this ends a loop. */
  readonly end: boolean
}

/** The log as a whole, and what it was made with. */
export interface LogState {
  readonly entries: number
  /** Of the entries with their headers. */
  readonly bytes: number
  readonly firstSequence: number
  /** 0 when nothing was ever stored. */
  readonly lastSequence: number
  /** ISO 8601; another time means another log, in which sequences begin again. */
  readonly created: string
  /** Milliseconds. */
  readonly dedupWindow: number
  /** Milliseconds; undefined keeps entries without a limit. */
  readonly retention: number | undefined
  readonly replicas: number
}

/** How many entries there are of each subject at one moment, and what the log is then. */
export interface Census extends LogState {
  readonly subjects: Readonly<Record<string, number>>
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
  /** Entries in the order of the log. */
  readonly read: (options: ReadOptions) => Effect.Effect<Page, ReadFailed>
  /** The first entry of a part; none when the log says that the part is empty. */
  readonly first: (part: Part) => Effect.Effect<Option.Option<LoggedEntry>, ReadFailed>
  /** How many entries a part has. */
  readonly count: (part: Part) => Effect.Effect<number, ReadFailed>
  /** The sequence of the first entry stored at a time (milliseconds since the epoch) or later, or of the next. */
  readonly sequenceAt: (time: number) => Effect.Effect<number, ReadFailed>
  /** Removes an entry permanently, its bytes overwritten; its sequence stays a gap. None there is as good. */
  readonly erase: (sequence: number) => Effect.Effect<void, ReadFailed>
  readonly state: Effect.Effect<LogState, ReadFailed>
  readonly census: Effect.Effect<Census, ReadFailed>
  readonly health: Effect.Effect<Health>
  /** What a stored entry survives in the present set-up, in one sentence. */
  readonly durability: string
  /** The largest body the log can hold, in bytes. */
  readonly maxBodyBytes: number
}>()("threeqpr-events/EventLog") {}

/** The longest an append takes to settle, in milliseconds. */
export const appendTimeout = 3_000
