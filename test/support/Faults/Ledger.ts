import { createHash } from "node:crypto"

/**
 * The expected outcome of a request: an event, a quarantined entry, a dead letter of its projection, or a refusal.
 */
export type Kind = "event" | "quarantined" | "poison" | "forged"

/** A body that was sent, with the id that the log must give it. */
export interface Sent {
  readonly id: string
  readonly kind: Kind
  readonly type: string
  readonly body: Buffer
  readonly sha256: string
  /** Number of answers with 200. A body can be delivered more than once. */
  accepted: number
  /** Number of attempts without an answer. */
  silent: number
  /** Whether it is still being delivered. */
  open: boolean
}

/** One attempt: its start and duration in milliseconds, and its status, which is 0 without an answer. */
export interface Attempt {
  readonly at: number
  readonly took: number
  readonly status: number
}

/** The record of every request that the tests sent: its id, its bytes and its answers. */
export class Ledger {
  readonly sent = new Map<string, Sent>()
  readonly attempts: Array<Attempt> = []
  /** Descriptions of answers that no receiver may give. */
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

  /** The number of attempts by status. */
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
