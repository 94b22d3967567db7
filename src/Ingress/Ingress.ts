/**
 * Room `Ingress`: bytes and a signature become a receipt or a rejection (`accept`); the public listener.
 *
 * Promises: A 2xx means stored, or stored before and erased. Nothing is parsed before its signature is verified.
 * Genuine input is never thrown away.
 *
 * May use: `Domain`, `Process`, `Signature`, `Nats`, `EventLog`.
 */
import { Clock, Context, Effect, Layer } from "effect"
import { decodeDelivery, type Reading, type Undecodable } from "../Domain/Decode.ts"
import type { EventId } from "../Domain/EventId.ts"
import { ErasedIds } from "../EventLog/ErasedIds.ts"
import { type AppendFailed, type Entry, EventLog } from "../EventLog/EventLog.ts"
import { bodyId, eventSubject, quarantineSubject } from "../EventLog/Names.ts"
import type { Problem, Verifier } from "../Signature/Signature.ts"
import { type ConflictCounts, watchConflicts } from "./BodyMismatch.ts"

/**
 * The body is stored, or it was stored and then erased (`erased`). `quarantined` is set if it is stored and authentic
 * but not a usable event.
 */
export interface Receipt {
  readonly ok: true
  readonly id: EventId | null
  readonly duplicate: boolean
  readonly quarantined?: Undecodable
  readonly erased?: true
}

/** 3QPR did not sign this body. It is neither parsed nor stored. */
export interface Rejected {
  readonly ok: false
  readonly error: "missing_signature" | Problem
}

/**
 * The only entry point for deliveries. It checks the signature over the raw bytes, then the envelope, then the data,
 * and then stores.
 */
export class Ingress extends Context.Service<Ingress, {
  /**
   * Accepts one delivery. Succeeds with a receipt only if the bytes are stored, or were stored and then erased. Fails
   * if storage is not proven; the same delivery must then be made again.
   *
   * @param signature the value of the signature header; a repeated header joined with commas
   */
  readonly accept: (
    body: Uint8Array,
    signature: string | undefined
  ) => Effect.Effect<Receipt | Rejected, AppendFailed>
  /** The first step of `accept`: why a delivery is rejected. Undefined if 3QPR signed it. */
  readonly check: (body: Uint8Array, signature: string | undefined) => Rejected | undefined
  /** The second step of `accept`. */
  readonly store: (body: Uint8Array, signature: string) => Effect.Effect<Receipt, AppendFailed>
  /** Number of deliveries since the start with a known id and another body. The log keeps the first body. */
  readonly conflicts: () => ConflictCounts
}>()("threeqpr-events/Ingress") {
  static readonly layer = (verify: Verifier) =>
    Layer.effect(Ingress, Effect.flatMap(EventLog, (log) => make(log, verify)))
}

/** The first step of `accept`, which needs no log. */
export const checker = (verify: Verifier): Ingress["Service"]["check"] => (body, signature) => {
  if (signature === undefined) return { ok: false, error: "missing_signature" }
  const error = verify(body, signature)
  return error && { ok: false, error }
}

/** The methods of a log that receiving deliveries needs. */
export type ReceivingLog = Pick<EventLog["Service"], "append" | "get">

/** Creates an ingress for any log. It runs until the scope ends. */
export const make = Effect.fnUntraced(function*(log: ReceivingLog, verify: Verifier) {
  const clock = yield* Clock.Clock
  const conflicts = yield* watchConflicts(log)
  const erased = yield* ErasedIds
  const check = checker(verify)
  const store = (body: Uint8Array, signature: string) => {
    const reading = decodeDelivery(body)
    const entry = entryOf(reading, body, signature, clock.currentTimeMillisUnsafe())
    const append = Effect.map(log.append(entry), ({ duplicate, sequence }): Receipt => {
      if (duplicate) conflicts.compare(entry, sequence)
      return {
        ok: true,
        id: reading.id,
        duplicate,
        ...(reading._tag === "Unusable" && { quarantined: reading.reason })
      }
    })
    if (!erased.mayHave(entry.id)) return append
    return Effect.flatMap(erased.has(entry.id), (gone) =>
      gone
        ? Effect.succeed<Receipt>({ ok: true, id: reading.id, duplicate: true, erased: true })
        : append)
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

/** The entry to store for a delivery. */
const entryOf = (reading: Reading, body: Uint8Array, signature: string, receivedAt: number): Entry =>
  reading._tag === "Event"
    ? { id: reading.id, subject: eventSubject(reading.type), type: reading.type, body, signature, receivedAt }
    : {
      id: reading.id ?? bodyId(body),
      // The event's id stays unused, so that a usable body can be stored under it.
      dedupId: bodyId(body),
      subject: quarantineSubject(reading.reason),
      type: reading.type ?? quarantineSubject(reading.reason),
      body,
      signature,
      receivedAt
    }
