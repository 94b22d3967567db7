import { Clock, Effect, Schedule } from "effect"
import { EventLog } from "../../EventLog/EventLog.ts"
import { eventSubject } from "../../EventLog/Names.ts"

/** Stores an event that a reconciliation made. Retries until it is stored. Returns false if the log can never store it. */
export const store = Effect.fnUntraced(function*(
  event: { readonly id: string; readonly body: Uint8Array },
  type: string,
  reconciliation: number
) {
  const log = yield* EventLog
  const subject = eventSubject(type)
  const receivedAt = yield* Clock.currentTimeMillis
  return yield* log.append({ ...event, subject, type, reconciledBy: reconciliation, receivedAt }).pipe(
    Effect.tapError(({ message }) => Effect.logWarning(`${event.id} is not stored yet: ${message}`)),
    Effect.retry({ while: ({ reason }) => reason !== "too_large", schedule: Schedule.spaced("1 second") }),
    Effect.as(true),
    Effect.orElseSucceed(() => false)
  )
})
