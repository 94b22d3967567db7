import { Effect, Option } from "effect"
import { EventLog, type LoggedEntry, ReadFailed } from "../../EventLog.ts"
import { sequenceOf } from "../../Projector/Applied.ts"
import { idOf } from "./Answer.ts"

/** How many sequences are looked through at a time, from the end of the log backwards. */
const stride = 10_000

/**
 * The entry with an event id. What a projection has applied is found by its index; anything else
 * (unknown types, quarantine, what is not projected yet) by looking through the log, newest first.
 */
export const find = Effect.fn("Events.find")(function*(id: string) {
  const log = yield* EventLog
  // Without the database we are slower, not wrong.
  const indexed = yield* Effect.orElseSucceed(sequenceOf(id), () => undefined)
  if (indexed !== undefined) {
    const entry = yield* log.get(indexed)
    if (Option.isSome(entry) && idOf(entry.value) === id) return entry
  }
  return yield* search(id).pipe(
    Effect.timeoutOrElse({
      duration: "30 seconds",
      orElse: () => Effect.fail(new ReadFailed({ message: "not found within 30 seconds of searching" }))
    })
  )
})

const search = Effect.fnUntraced(function*(id: string) {
  const log = yield* EventLog
  const { firstSequence, lastSequence } = yield* log.state
  for (let before = lastSequence + 1; before > firstSequence; before -= stride) {
    let after = Math.max(firstSequence, before - stride) - 1
    while (after < before - 1) {
      const part: ReadonlyArray<LoggedEntry> = yield* log.read({ after, limit: 1_000 })
      const found = part.find((entry) => idOf(entry) === id)
      if (found) return Option.some(found)
      after = part.at(-1)?.sequence ?? before
    }
  }
  return Option.none<LoggedEntry>()
})
