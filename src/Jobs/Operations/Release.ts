import { Clock, Effect, Option } from "effect"
import { decodeDelivery, type Reading } from "../../Domain/Decode.ts"
import { eventOf } from "../../EventLog/Delivered.ts"
import { type AppendFailed, EventLog, type LoggedEntry } from "../../EventLog/EventLog.ts"
import { eventSubject } from "../../EventLog/Names.ts"
import { type Operation, Operations } from "../../EventLog/Operations.ts"
import { isQuarantined } from "../../EventLog/Quarantine.ts"
import type { Work } from "./Work.ts"

/**
 * Releases quarantined entries that can now be decoded as events. An entry is published with the original bytes,
 * signature and time of receipt, and then deleted from quarantine. After an interruption between the two steps, it
 * may be published again. The event id is the same, so projections apply the event once.
 */
export const make = Effect.gen(function*() {
  const log = yield* EventLog
  const operations = yield* Operations

  const find = (sequence: number) =>
    Effect.map(log.get(sequence), (entry) => Option.getOrUndefined(Option.filter(entry, isQuarantined)))

  const release = Effect.fnUntraced(function*({ id: operation }: Operation, id: string) {
    const entry = yield* find(Number(id))
    if (entry === undefined) return yield* operations.record(operation, id, "gone")
    const event = decodeDelivery(entry.body)
    if (event._tag === "Unusable") {
      return yield* operations.record(operation, id, "unusable", `${event.reason}: ${event.detail}`)
    }
    const failure = yield* publish(entry, event)
    if (failure) return yield* operations.record(operation, id, "unusable", failure.message)
    yield* operations.record(operation, id, "released")
    yield* remove(entry)
  })

  const publish = Effect.fnUntraced(
    function*(entry: LoggedEntry, event: Reading & { readonly _tag: "Event" }) {
      const receivedAt = Date.parse(eventOf(entry).receivedAt)
      return yield* log.append({
        id: event.id,
        // Not the event's id, because the quarantined entry may have the same one within the deduplication window.
        dedupId: `quarantine:${entry.sequence}`,
        quarantinedAs: entry.sequence,
        subject: eventSubject(event.type),
        type: event.type,
        body: entry.body,
        signature: entry.headers["3qpr-signature"] ?? "",
        traceparent: entry.headers["traceparent"],
        receivedAt: Number.isNaN(receivedAt) ? yield* Clock.currentTimeMillis : receivedAt
      }).pipe(
        Effect.as(undefined),
        Effect.catchIf(isTooLarge, (failure) => Effect.succeed(failure))
      )
    }
  )

  const remove = ({ sequence }: LoggedEntry) => log.erase(sequence)

  const work: Work = {
    run: (operation, ids) =>
      Effect.as(Effect.forEach(ids, (id) => release(operation, id), { discard: true }), []),
    finish: (outcomes) =>
      Effect.forEach(
        outcomes.filter(({ result }) => result === "released"),
        ({ id }) =>
          Effect.flatMap(find(Number(id)), (entry) => entry === undefined ? Effect.void : remove(entry)),
        {
          discard: true
        }
      )
  }
  return work
})

const isTooLarge = ({ reason }: AppendFailed) => reason === "too_large"
