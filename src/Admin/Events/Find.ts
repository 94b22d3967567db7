import { Effect, Option, Semaphore, Stream } from "effect"
import { idOf } from "../../EventLog/Delivered.ts"
import { logEntries } from "../../EventLog/Entries.ts"
import { EventLog, type LoggedEntry, ReadFailed } from "../../EventLog/EventLog.ts"
import { sequenceOf } from "../../Projector/Apply/Applied.ts"

/** How many sequences are looked through at a time, from the end of the log backwards. */
const stride = 10_000

/**
 * The entry with an event id. An index finds an event that a projection has applied. Other events are searched in the log,
 * newest first: unknown types, quarantine, events that are not applied yet.
 */
export const find = Effect.fn("Events.find")(function*(id: string) {
  const log = yield* EventLog
  // Without the database we are slower, not wrong.
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

/** Each reads the whole log if it has to, so that several at once would only delay each other. */
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
