import { DateTime, Deferred, Effect, Redacted } from "effect"
import { randomBytes } from "node:crypto"
import { millisOf } from "../../Domain/Timestamp.ts"
import { type Analytics, analyticsOf, type AnalyticsQuery } from "./Analytics.ts"
import { alphabet } from "./Draws.ts"

/** A scan as 3QPR's `GET /v1/scans` returns it, with every field. */
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

/** Selects scans: of one code, from `since` on, before `until`. */
export interface ScansQuery {
  readonly qpr_code_id?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly limit: number
  readonly offset: number
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
  // Sorted by time, newest last. Scans before the index `start` are dropped.
  let kept: Array<Kept> = []
  let start = 0
  const codes = new Map<string, CodeRecord>()
  const scansOf = new Map<string, number>()

  const recordCode = (code: CodeRecord) => {
    timeOf(code.created_at)
    codes.set(code.id, code)
  }

  const listCodes = ({ limit, offset }: { readonly limit: number; readonly offset: number }) => ({
    qpr_codes: [...codes.values()]
      .toSorted((one, other) => timeOf(other.created_at) - timeOf(one.created_at))
      .slice(offset, offset + limit)
      .map((code) => ({ ...code, scans_total: scansOf.get(code.id) ?? 0 })),
    total: codes.size
  })

  const record = (scan: ScanRecord) => {
    const at = timeOf(scan.scanned_at)
    scansOf.set(scan.qpr_code_id, (scansOf.get(scan.qpr_code_id) ?? 0) + 1)
    kept.splice(positionOf(kept, at + 1, start), 0, { at, scan })
    if (kept.length - start > capacity) start++
    if (start > capacity) {
      kept = kept.slice(start)
      start = 0
    }
  }

  const scans = ({ limit, offset, qpr_code_id, since, until }: ScansQuery) => {
    const from = since === undefined ? start : positionOf(kept, timeOf(since), start)
    const to = until === undefined ? kept.length : positionOf(kept, timeOf(until), start)
    const found: Array<ScanRecord> = []
    let total = 0
    for (let at = to - 1; at >= from; at--) {
      const scan = kept[at]?.scan
      if (scan === undefined || (qpr_code_id !== undefined && scan.qpr_code_id !== qpr_code_id)) continue
      if (total >= offset && found.length < limit) found.push(scan)
      total++
    }
    return { scans: found, total }
  }

  const analytics = Effect.fnUntraced(function*(query: AnalyticsQuery) {
    const scans = kept.slice(start).filter(({ scan }) => scan.qpr_code_id === query.qpr_code_id)
    const now = DateTime.toEpochMillis(yield* DateTime.now)
    return scans.length === 0 ? undefined : analyticsOf(scans, query, now)
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
    record,
    scans,
    recordCode,
    codes: listCodes,
    analytics,
    register,
    webhooks: () => [...webhooks],
    registered: Deferred.await(first)
  } satisfies Account
})

/** A scan and its time in epoch milliseconds. */
interface Kept {
  readonly at: number
  readonly scan: ScanRecord
}

const timeOf = (iso: string) => {
  const time = millisOf(iso)
  if (Number.isNaN(time)) throw new RangeError(`${JSON.stringify(iso)} is not an ISO 8601 date and time`)
  return time
}

/** The index of the first scan that is not before `time`. */
const positionOf = (kept: ReadonlyArray<Kept>, time: number, start: number) => {
  let low = start
  let high = kept.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((kept[middle]?.at ?? Infinity) < time) low = middle + 1
    else high = middle
  }
  return low
}
