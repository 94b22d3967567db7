import { Clock, Effect, Option } from "effect"
import { decodeDelivery, type Reading } from "../../Domain/Decode.ts"
import type { Outcome } from "../../Domain/Operation.ts"
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
  const context = yield* Effect.context<EventLog | Operations>()
  const work: Work = {
    run: (operation, ids) =>
      Effect.forEach(ids, (id) => release(operation, id), { discard: true }).pipe(
        Effect.as([]),
        Effect.provideContext(context)
      ),
    finish: (outcomes) =>
      Effect.forEach(outcomes.filter(({ result }) => result === "released"), removeReleased, {
        discard: true
      })
        .pipe(Effect.provideContext(context))
  }
  return work
})

const find = Effect.fnUntraced(function*(id: string) {
  const entry = yield* (yield* EventLog).get(Number(id))
  return Option.getOrUndefined(Option.filter(entry, isQuarantined))
})

const release = Effect.fnUntraced(function*({ id: operation }: Operation, id: string) {
  const operations = yield* Operations
  const entry = yield* find(id)
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
    const log = yield* EventLog
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

const removeReleased = Effect.fnUntraced(function*({ id }: Outcome) {
  const entry = yield* find(id)
  if (entry !== undefined) yield* remove(entry)
})

const remove = ({ sequence }: LoggedEntry) => Effect.flatMap(EventLog, (log) => log.erase(sequence))

const isTooLarge = ({ reason }: AppendFailed) => reason === "too_large"
