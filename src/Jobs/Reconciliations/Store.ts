import { Effect, Schedule } from "effect"
import { type Entry, EventLog } from "../../EventLog/EventLog.ts"

/** Retries until the entry is stored. Returns false if the log can never store it. */
export const store = Effect.fnUntraced(function*(entry: Entry) {
  const log = yield* EventLog
  return yield* log.append(entry).pipe(
    Effect.tapError(({ message }) => Effect.logWarning(`${entry.id} is not stored yet: ${message}`)),
    Effect.retry({ while: ({ reason }) => reason !== "too_large", schedule: Schedule.spaced("1 second") }),
    Effect.as(true),
    Effect.orElseSucceed(() => false)
  )
})
