/**
 * Room `Ingress`: bytes and a signature become a receipt or a rejection (`accept`); the public listener.
 *
 * Promises: A 2xx means stored. Nothing is parsed before its signature is verified. Genuine input is never thrown
 * away.
 *
 * May use: `Domain`, `Process`, `Signature`, `Nats`, `EventLog`.
 */
import { Clock, Context, Effect, Layer } from "effect"
import { createHash } from "node:crypto"
import { decodeDelivery, type Undecodable } from "../Domain/Decode.ts"
import type { EventId } from "../Domain/EventId.ts"
import { type AppendFailed, type Entry, EventLog } from "../EventLog/EventLog.ts"
import { eventSubject, quarantineSubject } from "../EventLog/Names.ts"
import type { Problem, Verifier } from "../Signature/Signature.ts"
import { type ConflictCounts, watchConflicts } from "./BodyMismatch.ts"

/** The body is stored. `quarantined` says that it is authentic but no event we can use. */
export interface Receipt {
  readonly ok: true
  readonly id: EventId | null
  readonly duplicate: boolean
  readonly quarantined?: Undecodable
}

/** 3QPR did not sign this body: nothing was read of it, nothing is stored. */
export interface Rejected {
  readonly ok: false
  readonly error: "missing_signature" | Problem
}

/** The one way in. Its checks, in this order: signature over the raw bytes, envelope, data, storage. */
export class Ingress extends Context.Service<Ingress, {
  /**
   * Accepts one delivery. Succeeds with a receipt only when the bytes are stored. Fails when there is no
   * proof of that; then the same delivery must be made again.
   *
   * @param signature the value of the signature header; a repeated header joined with commas
   */
  readonly accept: (
    body: Uint8Array,
    signature: string | undefined
  ) => Effect.Effect<Receipt | Rejected, AppendFailed>
  /** The first half of `accept`: why a delivery is refused. Undefined when 3QPR has signed it. */
  readonly check: (body: Uint8Array, signature: string | undefined) => Rejected | undefined
  /** The second half of `accept`. */
  readonly store: (body: Uint8Array, signature: string) => Effect.Effect<Receipt, AppendFailed>
  /** Ids that came with another body than the first; the first is in the log. Since the start. */
  readonly conflicts: () => ConflictCounts
}>()("threeqpr-events/Ingress") {
  static readonly layer = (verify: Verifier) =>
    Layer.effect(Ingress, Effect.flatMap(EventLog, (log) => make(log, verify)))
}

/** The first half of `accept`, which needs no log. */
export const checker = (verify: Verifier): Ingress["Service"]["check"] => (body, signature) => {
  if (signature === undefined) return { ok: false, error: "missing_signature" }
  const error = verify(body, signature)
  return error && { ok: false, error }
}

/** The part of a log that receives deliveries. */
export type ReceivingLog = Pick<EventLog["Service"], "append" | "get">

/** The one way in, to any log. Runs until the scope ends. */
export const make = Effect.fnUntraced(function*(log: ReceivingLog, verify: Verifier) {
  const clock = yield* Clock.Clock
  const conflicts = yield* watchConflicts(log)
  const check = checker(verify)
  const store = (body: Uint8Array, signature: string) => {
    const reading = decodeDelivery(body)
    const receivedAt = clock.currentTimeMillisUnsafe()
    const entry: Entry = reading._tag === "Event"
      ? {
        id: reading.id,
        subject: eventSubject(reading.type),
        type: reading.type,
        body,
        signature,
        receivedAt
      }
      : {
        id: reading.id ?? hashOf(body),
        // The event's id stays free for a body that is usable.
        dedupId: hashOf(body),
        subject: quarantineSubject(reading.reason),
        type: reading.type ?? quarantineSubject(reading.reason),
        body,
        signature,
        receivedAt
      }
    return Effect.map(log.append(entry), ({ duplicate, sequence }): Receipt => {
      if (duplicate) conflicts.compare(entry, sequence)
      return {
        ok: true,
        id: reading.id,
        duplicate,
        ...(reading._tag === "Unusable" && { quarantined: reading.reason })
      }
    })
  }
  return Ingress.of({
    accept: (body, signature) => {
      const rejected = check(body, signature)
      return rejected === undefined ? store(body, signature ?? "") : Effect.succeed(rejected)
    },
    check,
    store,
    conflicts: conflicts.counts
  })
})

const hashOf = (body: Uint8Array) => `sha256:${createHash("sha256").update(body).digest("hex")}`
