import { createHash } from "node:crypto"
import type { Undecodable } from "../../Domain/Decode.ts"
import type { Outcome, Silence } from "./Delivery.ts"
import type { FaultName } from "./Faults.ts"
import type { Forgery } from "./Forgeries.ts"
import { Latency } from "./Latency.ts"
import type { Planned } from "./Plan.ts"
import { errorOf, judge } from "./Verdict.ts"

/** The delivery of one event to one webhook. */
export interface Entry {
  readonly index: number
  /**
   * The id that it must have in the receiver's log: the event's id, or `sha256:…` for a body without a usable one.
   */
  readonly id: string
  readonly type: string
  readonly sha256: string
  /** Why it must be quarantined; null when it is an event. */
  readonly quarantined: Undecodable | null
  readonly url: string
  /** Number of webhooks that get the event. */
  readonly webhooks: number
  attempts: number
  /** The status of the last attempt, or why it had no response; null before the first. */
  status: number | Silence | null
  state: "waiting" | "accepted" | "given up"
  /** Whether the receiver has accepted it as a duplicate. */
  duplicate: boolean
}

/** A forged request and the status of its response; null until the response arrives. */
export interface Forged {
  readonly fault: FaultName
  readonly sha256: string
  /** The id of the event that it was sent along with. */
  readonly id: string
  status: number | Silence | null
}

/** An unexpected response. */
export interface Unexpected {
  readonly id: string
  readonly status: number | Silence | null
  readonly reason: string
}

/** The outcome of every event so far. Grows by about 0.5 kB per event. */
export class Ledger {
  readonly entries: Array<Entry> = []
  readonly forged: Array<Forged> = []
  readonly unexpected: Array<Unexpected> = []
  readonly statuses = new Map<number | Silence, number>()
  readonly faults = new Map<FaultName, number>()
  readonly latency = new Latency()
  /** Generated events, each counted once for all its webhooks. */
  events = 0
  deliveries = 0
  duplicates = 0
  retries = 0
  /** Attempts that started more than 100 ms after their time. */
  late = 0
  inFlight = 0
  /** Events that were tried and wait for the next attempt. */
  retrying = 0
  /** Accepted events, the malformed ones among them, and the ones that were accepted as new. */
  accepted = 0
  quarantined = 0
  stored = 0
  givenUp = 0
  /** Signed events whose response was `invalid_signature`. */
  invalidSignatures = 0
  /** Why the first unanswered attempt had no response; null when every attempt had one. */
  firstSilence: string | null = null

  begin(planned: Planned): void {
    this.events++
    for (const fault of planned.faults) this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1)
  }

  open(planned: Planned, url: string, webhooks: number): Entry {
    const sha256 = sha256Of(planned.bytes)
    const entry: Entry = {
      index: planned.index,
      id: planned.id ?? `sha256:${sha256}`,
      type: planned.type,
      sha256,
      quarantined: planned.quarantined,
      url,
      webhooks,
      attempts: 0,
      status: null,
      state: "waiting",
      duplicate: false
    }
    this.entries.push(entry)
    return entry
  }

  /** Records an attempt's outcome. Returns whether the event is accepted now. */
  attempted(entry: Entry, planned: Planned, outcome: Outcome, latency: number): boolean {
    this.#count(outcome)
    entry.attempts++
    if (entry.attempts > 1) {
      this.retries++
      this.retrying--
    }
    entry.status = statusOf(outcome)
    if (outcome._tag === "Answered") this.latency.add(latency)
    const { accepted, duplicate, unexpected } = judge(planned, outcome)
    if (outcome._tag === "Answered" && errorOf(outcome.body) === "invalid_signature") this.invalidSignatures++
    if (unexpected !== null) this.#unexpected(entry, unexpected)
    if (!accepted) {
      this.retrying++
      return false
    }
    entry.state = "accepted"
    entry.duplicate = duplicate
    this.accepted++
    if (entry.quarantined !== null) this.quarantined++
    if (duplicate) this.duplicates++
    else this.stored++
    // With several webhooks of one receiver, another one may have delivered the event first.
    if (duplicate && entry.attempts === 1 && entry.webhooks === 1) {
      this.#unexpected(entry, "a new event was answered duplicate")
    }
    return true
  }

  /** Records the outcome of delivering an accepted event again. */
  repeated(entry: Entry, planned: Planned, outcome: Outcome): void {
    this.#count(outcome)
    const { accepted, duplicate, unexpected } = judge(planned, outcome)
    if (duplicate) this.duplicates++
    if (unexpected !== null) this.#unexpected({ ...entry, status: statusOf(outcome) }, unexpected)
    else if (accepted && !duplicate && saysDuplicate(outcome)) {
      this.#unexpected(entry, "a repeated event was stored again")
    }
  }

  gaveUp(entry: Entry): void {
    entry.state = "given up"
    this.givenUp++
    this.retrying--
  }

  openForged({ id }: Entry, { bytes, fault }: Forgery): Forged {
    const forged: Forged = { fault, sha256: sha256Of(bytes), id, status: null }
    this.forged.push(forged)
    return forged
  }

  forgedAnswered(forged: Forged, outcome: Outcome): void {
    this.#count(outcome)
    forged.status = statusOf(outcome)
    if (isAccepted(forged.status)) this.#unexpected(forged, `a forgery (${forged.fault}) was accepted`)
  }

  #count(outcome: Outcome): void {
    this.deliveries++
    const status = statusOf(outcome)
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
    if (outcome._tag === "Unanswered" && outcome.silence !== "cut") this.firstSilence ??= outcome.detail
  }

  // Recorded once per event and reason, however often the event is retried.
  #unexpected({ id, status }: Pick<Entry, "id" | "status">, reason: string): void {
    const key = `${id} ${reason}`
    if (this.#reasons.has(key)) return
    this.#reasons.add(key)
    this.unexpected.push({ id, status, reason })
  }
  readonly #reasons = new Set<string>()
}

/** Whether a status accepts a delivery. */
export const isAccepted = (status: number | Silence | null) =>
  typeof status === "number" && status >= 200 && status <= 299

const statusOf = (outcome: Outcome) => outcome._tag === "Answered" ? outcome.status : outcome.silence

// A receiver that does not report duplicates in its response is not checked for them.
const saysDuplicate = (outcome: Outcome) =>
  outcome._tag === "Answered" && outcome.body.includes("\"duplicate\"")

const sha256Of = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")
