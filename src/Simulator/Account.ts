import type { Effect, Redacted } from "effect"

/** A scan as 3QPR's `GET /v1/scans` gives it: every field is there. */
export interface ScanRecord {
  readonly id: string
  readonly qpr_code_id: string
  readonly short_id: string
  readonly scanned_at: string
  readonly country: string
  readonly region: string
  readonly city: string
  readonly device: string
  readonly conversation_started: boolean
  readonly conversation_messages: number
  readonly metadata: Readonly<Record<string, unknown>>
}

/** A webhook that somebody registered with the simulated API. */
export interface Webhook {
  readonly id: string
  readonly url: string
  /** The event types it wants. */
  readonly events: ReadonlyArray<string>
  readonly secret: Redacted.Redacted<string>
  readonly createdAt: string
}

/** What the simulated 3QPR holds for its one customer. */
export interface Account {
  /** Keeps a scan, for `GET /v1/scans` and the analytics. */
  readonly record: (scan: ScanRecord) => void
  /** The registered webhooks, the oldest first. */
  readonly webhooks: () => ReadonlyArray<Webhook>
  /** Completes with the first webhook that is registered. */
  readonly registered: Effect.Effect<Webhook>
}
