/**
 * Room `EventLog`: the port, its adapters, streams and headers, dead letters, quarantine, the record of operations.
 *
 * Promises: An append succeeds only after the broker has acknowledged its sequence. A page that is empty, late or
 * refused is three different answers.
 *
 * May use: `Domain`, `Process`, `Nats`.
 */
import { Context, type Effect, type Option, Schema } from "effect"

/** An entry to store: the bytes that 3QPR signed, and facts about them. */
export interface Entry {
  /** `ce-id`. Without a `dedupId` also `Nats-Msg-Id`, by which the log deduplicates. */
  readonly id: string
  /**
   * `Nats-Msg-Id`, if it must differ from `id`. Used for an entry that must not use up its event's id, and for one
   * that is stored again under a known id.
   */
  readonly dedupId?: string
  /** Sequence of the entry in quarantine, if it was quarantined before. */
  readonly quarantinedAs?: number
  readonly subject: string
  readonly type: string
  readonly body: Uint8Array
  /** 3QPR's signature. Absent for events fetched from 3QPR's API. */
  readonly signature?: string
  /** Id of the reconciliation that fetched the event from 3QPR's API, because no webhook delivered it. */
  readonly reconciledBy?: number
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
  /** W3C Trace Context. Present only if the delivery is traced. */
  readonly traceparent?: string | undefined
}

/** Proof that an entry is stored, by this append or, if `duplicate`, by an earlier one with the same id. */
export interface Stored {
  readonly sequence: number
  readonly duplicate: boolean
}

/** An entry as read from the log. */
export interface LoggedEntry {
  readonly sequence: number
  readonly subject: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** When the log stored it, in milliseconds since the epoch. */
  readonly storedAt: number
}

/** A part of the log: the entries after a sequence. */
export interface Part {
  readonly after: number
  /** A subject or a wildcard. Every entry if undefined. */
  readonly filter?: string | undefined
}

export interface ReadOptions extends Part {
  /** Maximum number of entries. Fewer are returned if they are large. */
  readonly limit: number
  /** How long to wait for the first entry if there is none, in milliseconds. No wait if undefined. */
  readonly wait?: number | undefined
}

/** The result of a read. Deleted entries are left out, so an empty page can be followed by another page. */
export interface Page {
  readonly entries: ReadonlyArray<LoggedEntry>
  /** Continue to read after this sequence. */
  readonly cursor: number
  /** Whether the log reported that no further entry matches after the cursor. Only this ends a loop. */
  readonly end: boolean
}

/** The state of the log and its settings. */
export interface LogState {
  readonly entries: number
  /** Size of the entries with their headers. */
  readonly bytes: number
  readonly firstSequence: number
  /** 0 if nothing was ever stored. */
  readonly lastSequence: number
  /** ISO 8601. Another time means another log, whose sequences start again at 1. */
  readonly created: string
  /** Milliseconds. */
  readonly dedupWindow: number
  /** Milliseconds. Undefined keeps entries without a limit. */
  readonly retention: number | undefined
  readonly replicas: number
}

/** The number of entries of each subject, with the state of the log at the same moment. */
export interface Census extends LogState {
  readonly subjects: Readonly<Record<string, number>>
}

/**
 * An append without proof of storage. After `timeout` or `disconnected` it is unknown whether the entry is stored.
 * The other reasons are refusals. In every case it is safe and correct to append the same id again.
 */
export class AppendFailed extends Schema.TaggedError<AppendFailed>()("AppendFailed", {
  reason: Schema.Literals(["disconnected", "timeout", "full", "too_large", "no_stream", "refused"]),
  message: Schema.String
}) {}

/** The log could not be read. A retry can succeed. */
export class ReadFailed extends Schema.TaggedError<ReadFailed>()("ReadFailed", { message: Schema.String }) {}

/** Whether an append would be stored now and, if not, the reason. */
export type Health = { readonly ready: true } | { readonly ready: false; readonly reason: string }

/**
 * The append-only log of everything that 3QPR signed. It deduplicates by id within a window at least as long as
 * 3QPR's retry schedule. Sequences only increase. Bytes and headers are kept unchanged.
 */
export class EventLog extends Context.Service<EventLog, {
  /** Succeeds only when the entry is stored. Settles within `appendTimeout`. */
  readonly append: (entry: Entry) => Effect.Effect<Stored, AppendFailed>
  /** The entry at a sequence. None for a gap or after the end. */
  readonly get: (sequence: number) => Effect.Effect<Option.Option<LoggedEntry>, ReadFailed>
  /** Entries in log order. */
  readonly read: (options: ReadOptions) => Effect.Effect<Page, ReadFailed>
  /** The first entry of a part. None if the log reports that the part is empty. */
  readonly first: (part: Part) => Effect.Effect<Option.Option<LoggedEntry>, ReadFailed>
  /** Number of entries of a part. */
  readonly count: (part: Part) => Effect.Effect<number, ReadFailed>
  /**
   * Sequence of the first entry stored at `time` (milliseconds since the epoch) or later. If there is none, the next
   * sequence.
   */
  readonly sequenceAt: (time: number) => Effect.Effect<number, ReadFailed>
  /**
   * Removes an entry permanently and overwrites its bytes. Its sequence stays a gap. Succeeds if the entry does not
   * exist.
   */
  readonly erase: (sequence: number) => Effect.Effect<void, ReadFailed>
  readonly state: Effect.Effect<LogState, ReadFailed>
  readonly census: Effect.Effect<Census, ReadFailed>
  readonly health: Effect.Effect<Health>
  /** The failures that a stored entry survives in the present set-up, in one sentence. */
  readonly durability: string
  /** Size of the largest body that the log can store, in bytes. */
  readonly maxBodyBytes: number
}>()("threeqpr-events/EventLog") {}

/** Maximum time for an append to settle, in milliseconds. */
export const appendTimeout = 3_000
