import { createHash } from "node:crypto"
import type { Undecodable } from "../../Domain/Decode.ts"
import type { Outcome, Silence } from "./Delivery.ts"
import type { FaultName } from "./Faults.ts"
import type { Forgery } from "./Forgeries.ts"
import { Latency } from "./Latency.ts"
import type { Planned } from "./Plan.ts"
import { errorOf, judge } from "./Verdict.ts"

/** One event on its way to one webhook. */
export interface Entry {
  readonly index: number
  /** As the receiver's log must call it: the event's id, or `sha256:…` of a body without a usable one. */
  readonly id: string
  readonly type: string
  readonly sha256: string
  /** Why it must be quarantined; null when it is an event. */
  readonly quarantined: Undecodable | null
  readonly url: string
  /** How many webhooks the event goes to. */
  readonly webhooks: number
  attempts: number
  /** Of the last attempt: the status, or why there was no answer; null before the first. */
  status: number | Silence | null
  state: "waiting" | "accepted" | "given up"
  /** Whether it was accepted as one that the receiver had already. */
  duplicate: boolean
}

/** A forged request and what it was answered; null until then. */
export interface Forged {
  readonly fault: FaultName
  readonly sha256: string
  /** Of the event it came along with. */
  readonly id: string
  status: number | Silence | null
}

/** An answer that should have been another. */
export interface Unexpected {
  readonly id: string
  readonly status: number | Silence | null
  readonly reason: string
}

/** What became of every event so far. Grows by about 0.5 kB an event. */
export class Ledger {
  readonly entries: Array<Entry> = []
  readonly forged: Array<Forged> = []
  readonly unexpected: Array<Unexpected> = []
  readonly statuses = new Map<number | Silence, number>()
  readonly faults = new Map<FaultName, number>()
  readonly latency = new Latency()
  /** Events made, whichever webhooks they went to. */
  events = 0
  deliveries = 0
  duplicates = 0
  retries = 0
  /** Attempts that began more than 100 ms after their time. */
  late = 0
  inFlight = 0
  /** Events that were tried and wait for the next attempt. */
  retrying = 0
  /** Events and, of those, malformed ones that were accepted; with those that were accepted as new. */
  accepted = 0
  quarantined = 0
  stored = 0
  givenUp = 0
  /** Signed events that were answered `invalid_signature`. */
  invalidSignatures = 0
  /** Why the first unanswered attempt had no answer; null when every attempt had one. */
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

  /** Notes an attempt's outcome; gives whether the event is accepted now. */
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
    // With several webhooks of one receiver another may have brought it first.
    if (duplicate && entry.attempts === 1 && entry.webhooks === 1) {
      this.#unexpected(entry, "a new event was answered duplicate")
    }
    return true
  }

  /** Notes the outcome of delivering an accepted event again. */
  repeated(entry: Entry, planned: Planned, outcome: Outcome): void {
    this.#count(outcome)
    const { accepted, duplicate, unexpected } = judge(planned, outcome)
    if (duplicate) this.duplicates++
    if (unexpected !== null) this.#unexpected({ ...entry, status: statusOf(outcome) }, unexpected)
    else if (accepted && !duplicate && saysDuplicate(outcome)) {
      this.#unexpected(entry, "an event delivered again was stored again")
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

  // Once for each reason, however often it is retried.
  #unexpected({ id, status }: Pick<Entry, "id" | "status">, reason: string): void {
    const key = `${id} ${reason}`
    if (this.#reasons.has(key)) return
    this.#reasons.add(key)
    this.unexpected.push({ id, status, reason })
  }
  readonly #reasons = new Set<string>()
}

/** Whether a status takes what was delivered. */
export const isAccepted = (status: number | Silence | null) =>
  typeof status === "number" && status >= 200 && status <= 299

const statusOf = (outcome: Outcome) => outcome._tag === "Answered" ? outcome.status : outcome.silence

// A receiver that does not tell duplicates apart in its answer cannot be held to it.
const saysDuplicate = (outcome: Outcome) =>
  outcome._tag === "Answered" && outcome.body.includes("\"duplicate\"")

const sha256Of = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")
