import { millisOf } from "../../Domain/Timestamp.ts"

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

/** Selects scans: of one code, from `since` on, before `until`. */
export interface ScansQuery {
  readonly qpr_code_id?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly limit: number
  readonly offset: number
}

/** A scan and its time in epoch milliseconds. */
interface Kept {
  readonly at: number
  readonly scan: ScanRecord
}

/** Scans sorted by time, newest last. Keeps the newest `capacity`. */
export class KeptScans {
  readonly #capacity: number
  #kept: Array<Kept> = []
  /** Scans before this index are dropped. */
  #start = 0
  readonly #totals = new Map<string, number>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  add(scan: ScanRecord) {
    const at = timeOf(scan.scanned_at)
    this.#totals.set(scan.qpr_code_id, this.totalOf(scan.qpr_code_id) + 1)
    this.#kept.splice(this.#positionOf(at + 1), 0, { at, scan })
    if (this.#kept.length - this.#start > this.#capacity) this.#start++
    if (this.#start > this.#capacity) {
      this.#kept = this.#kept.slice(this.#start)
      this.#start = 0
    }
  }

  /** The scans of one code, oldest first. */
  of(code: string): ReadonlyArray<Kept> {
    return this.#kept.slice(this.#start).filter(({ scan }) => scan.qpr_code_id === code)
  }

  /** The number of scans of one code, including dropped ones. */
  totalOf(code: string): number {
    return this.#totals.get(code) ?? 0
  }

  /** A page of the matching scans, newest first, and the number of all matching scans. */
  page({ limit, offset, qpr_code_id, since, until }: ScansQuery) {
    const from = since === undefined ? this.#start : this.#positionOf(timeOf(since))
    const to = until === undefined ? this.#kept.length : this.#positionOf(timeOf(until))
    const scans: Array<ScanRecord> = []
    let total = 0
    for (let at = to - 1; at >= from; at--) {
      const scan = this.#kept[at]?.scan
      if (scan === undefined || (qpr_code_id !== undefined && scan.qpr_code_id !== qpr_code_id)) continue
      if (total >= offset && scans.length < limit) scans.push(scan)
      total++
    }
    return { scans, total }
  }

  /** The index of the first scan that is not before `time`. */
  #positionOf(time: number) {
    let low = this.#start
    let high = this.#kept.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#kept[middle]?.at ?? Infinity) < time) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** The time of an ISO 8601 date and time, in epoch milliseconds. Throws for any other text. */
export const timeOf = (iso: string) => {
  const time = millisOf(iso)
  if (Number.isNaN(time)) throw new RangeError(`${JSON.stringify(iso)} is not an ISO 8601 date and time`)
  return time
}
