import { Effect, Option } from "effect"
import type { JetStreamManager } from "nats"
import { redriveStream, redriveSubject } from "../EventLog/Names.ts"
import { Operations } from "../EventLog/Operations.ts"
import { firstBehind, reading } from "../EventLog/Reader.ts"
import { requestOf } from "./Redrives.ts"

/**
 * Ends every pending redrive of a consumer that no longer exists. Each is recorded as gone, with the reason, and its
 * request is deleted. Call it when the consumer is deleted. `endIfGone` finds later requests.
 */
export const endRedrives = Effect.fn("Operations.endRedrives")(
  function*(manager: JetStreamManager, consumer: string, reason: string) {
    const operations = yield* Operations
    const filter = redriveSubject(consumer, "*")
    let ended = 0
    for (let after = 0;;) {
      const entry = Option.getOrUndefined(yield* firstBehind(manager, redriveStream, { after, filter }))
      if (entry === undefined) break
      after = entry.sequence
      const request = requestOf(entry.body)
      if (request !== undefined) yield* operations.record(request.operation, request.id, "gone", reason)
      ended++
    }
    if (ended === 0) return
    yield* Effect.logInfo(`${ended} redrives of ${consumer} ended: ${reason}`)
    yield* reading(() => manager.streams.purge(redriveStream, { filter })).pipe(
      // Their outcomes are recorded, so requests that stay are not read again.
      Effect.catch(({ message }) =>
        Effect.logWarning(
          `the requests of ended redrives remain in ${redriveStream}: ${message}. Allow this NATS user to publish to `
            + `$JS.API.STREAM.PURGE.${redriveStream}.`
        )
      )
    )
  }
)
