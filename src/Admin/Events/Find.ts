import { Effect, Option, Semaphore, Stream } from "effect"
import { idOf } from "../../EventLog/Delivered.ts"
import { logEntries } from "../../EventLog/Entries.ts"
import { EventLog, type LoggedEntry, ReadFailed } from "../../EventLog/EventLog.ts"
import { sequenceOf } from "../../Projector/Apply/Applied.ts"

/** Number of sequences that one step of the search covers, from the end of the log backwards. */
const stride = 10_000

/**
 * Finds the entry with an event id. An index has the events that a projection has applied. Other events are searched
 * in the log, newest first: unknown types, quarantine, and events that are not applied yet.
 */
export const find = Effect.fn("Events.find")(function*(id: string) {
  const log = yield* EventLog
  // Without the database the search is slower, but correct.
  const indexed = yield* Effect.orElseSucceed(sequenceOf(id), () => undefined)
  if (indexed !== undefined) {
    const entry = yield* log.get(indexed)
    if (Option.isSome(entry) && idOf(entry.value) === id) return entry
  }
  return yield* oneSearch(search(id)).pipe(
    Effect.timeoutOrElse({
      duration: "30 seconds",
      orElse: () => Effect.fail(new ReadFailed({ message: "not found within 30 seconds of searching" }))
    })
  )
})

/** Allows one search at a time. Each may read the whole log, so concurrent searches would only delay each other. */
const oneSearch = Semaphore.makeUnsafe(1).withPermits(1)

const search = Effect.fnUntraced(function*(id: string) {
  const log = yield* EventLog
  const { firstSequence, lastSequence } = yield* log.state
  for (let before = lastSequence + 1; before > firstSequence; before -= stride) {
    const range = { after: Math.max(firstSequence, before - stride) - 1, upTo: before - 1 }
    const found = yield* logEntries(range).pipe(
      Stream.filter((entry) => idOf(entry) === id),
      Stream.runHead
    )
    if (Option.isSome(found)) return found
  }
  return Option.none<LoggedEntry>()
})
