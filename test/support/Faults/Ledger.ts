import { createHash } from "node:crypto"

/** What a request must lead to: an event, a quarantined entry, a dead letter of its projection, or nothing. */
export type Kind = "event" | "quarantined" | "poison" | "forged"

/** A body that was sent, under the id that the log must give it. */
export interface Sent {
  readonly id: string
  readonly kind: Kind
  readonly type: string
  readonly body: Buffer
  readonly sha256: string
  /** Answers of 200: a body can be delivered more than once. */
  accepted: number
  /** Attempts without an answer. */
  silent: number
  /** Whether it is still being delivered. */
  open: boolean
}

/** One attempt: when it began and how long it took in milliseconds, and its status; 0 when none came. */
export interface Attempt {
  readonly at: number
  readonly took: number
  readonly status: number
}

/** For each request that the tests sent: its event's id, what it was answered, its bytes. */
export class Ledger {
  readonly sent = new Map<string, Sent>()
  readonly attempts: Array<Attempt> = []
  /** Answers that no receiver may give, in words. */
  readonly wrong: Array<string> = []

  add(kind: Kind, type: string, body: Buffer, id: string | undefined): Sent {
    const sha256 = sha256Of(body)
    const sent: Sent = {
      id: id ?? `sha256:${sha256}`,
      kind,
      type,
      body,
      sha256,
      accepted: 0,
      silent: 0,
      open: true
    }
    this.sent.set(kind === "forged" ? `forged:${sha256}` : sent.id, sent)
    return sent
  }

  /** How many attempts had each status. */
  get statuses(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (const { status } of this.attempts) counts[status] = (counts[status] ?? 0) + 1
    return counts
  }

  /** Attempts that began at a time (of `performance.now`) or later. */
  since(time: number): ReadonlyArray<Attempt> {
    return this.attempts.filter(({ at }) => at >= time)
  }
}

export const sha256Of = (body: Uint8Array) => createHash("sha256").update(body).digest("hex")
