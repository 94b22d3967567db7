import { DateTime, Deferred, Effect, Redacted } from "effect"
import { randomBytes } from "node:crypto"
import { type Analytics, analyticsOf, type AnalyticsQuery } from "./Analytics.ts"
import { alphabet } from "./Draws.ts"
import { KeptScans, type ScanRecord, type ScansQuery, timeOf } from "./KeptScans.ts"

export type { ScanRecord, ScansQuery } from "./KeptScans.ts"

/** A code as 3QPR's `GET /v1/qpr-codes` returns it. */
export interface CodeRecord {
  readonly id: string
  readonly name: string
  readonly short_id: string
  readonly scan_url: string
  readonly qr_image_url: string
  readonly qr_svg_url: string
  readonly template: string
  readonly status: string
  readonly scans_total: number
  readonly metadata: Readonly<Record<string, unknown>>
  readonly created_at: string
  readonly updated_at: string
}

/** A webhook that a client registered with the simulated API. */
export interface Webhook {
  readonly id: string
  readonly url: string
  /** The event types that it receives. */
  readonly events: ReadonlyArray<string>
  readonly secret: Redacted.Redacted<string>
  readonly createdAt: string
}

/** The data of the one account of the simulated 3QPR. */
export interface Account {
  /** Stores a scan, for `GET /v1/scans` and the analytics. Throws when its `scanned_at` is not a date and time. */
  readonly record: (scan: ScanRecord) => void
  /** A page of the scans, newest first, and the number of all matching scans. */
  readonly scans: (query: ScansQuery) => {
    readonly scans: ReadonlyArray<ScanRecord>
    readonly total: number
  }
  /** Stores a code, or its new state. */
  readonly recordCode: (code: CodeRecord) => void
  /** A page of the codes, newest first, each with the number of its scans; and the number of all codes. */
  readonly codes: (page: { readonly limit: number; readonly offset: number }) => {
    readonly qpr_codes: ReadonlyArray<CodeRecord>
    readonly total: number
  }
  /** The analytics of a code; undefined for a code that has no scan. */
  readonly analytics: (query: AnalyticsQuery) => Effect.Effect<Analytics | undefined>
  /** Registers a webhook with a new id and a new secret. */
  readonly register: (url: string, events: ReadonlyArray<string>) => Effect.Effect<Webhook>
  /** The registered webhooks, oldest first. */
  readonly webhooks: () => ReadonlyArray<Webhook>
  /** Completes with the first registered webhook. */
  readonly registered: Effect.Effect<Webhook>
}

/** Creates an account in memory. It keeps the newest `capacity` scans, by default 1,000,000. */
export const make = Effect.fnUntraced(function*(capacity = 1_000_000) {
  const first = yield* Deferred.make<Webhook>()
  const webhooks: Array<Webhook> = []
  const codes = new Map<string, CodeRecord>()
  const scans = new KeptScans(capacity)

  const recordCode = (code: CodeRecord) => {
    timeOf(code.created_at)
    codes.set(code.id, code)
  }

  const listCodes = ({ limit, offset }: { readonly limit: number; readonly offset: number }) => ({
    qpr_codes: [...codes.values()]
      .toSorted((one, other) => timeOf(other.created_at) - timeOf(one.created_at))
      .slice(offset, offset + limit)
      .map((code) => ({ ...code, scans_total: scans.totalOf(code.id) })),
    total: codes.size
  })

  const analytics = Effect.fnUntraced(function*(query: AnalyticsQuery) {
    const found = scans.of(query.qpr_code_id)
    const now = DateTime.toEpochMillis(yield* DateTime.now)
    return found.length === 0 ? undefined : analyticsOf(found, query, now)
  })

  const register = Effect.fnUntraced(function*(url: string, events: ReadonlyArray<string>) {
    const webhook: Webhook = {
      id: `wh_01${[...randomBytes(24)].map((byte) => alphabet.charAt(byte % 32)).join("")}`,
      url,
      events,
      secret: Redacted.make(`whsec_${randomBytes(24).toString("hex")}`, { label: "webhook secret" }),
      createdAt: DateTime.formatIso(yield* DateTime.now)
    }
    webhooks.push(webhook)
    yield* Deferred.succeed(first, webhook)
    return webhook
  })

  return {
    record: (scan) => scans.add(scan),
    scans: (query) => scans.page(query),
    recordCode,
    codes: listCodes,
    analytics,
    register,
    webhooks: () => [...webhooks],
    registered: Deferred.await(first)
  } satisfies Account
})
