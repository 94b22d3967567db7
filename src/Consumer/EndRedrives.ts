import { Effect, Option } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { JetStreamManager } from "nats"
import { redriveSubject, requestOf } from "./Redrives.ts"
import { stream } from "../EventLog/EventLog.ts"
import { firstBehind, reading } from "../EventLog/Reader.ts"
import { redriveStream } from "../EventLog/Topology.ts"
import { unlessMissing } from "../Nats/Missing.ts"
import { Operations } from "../EventLog/Operations.ts"
import { isWanted } from "../Projector/Registry.ts"

/**
 * Ends every redrive that waits for a consumer which no longer exists: each is recorded as gone, with the reason, and
 * its request is deleted. Call it when the consumer is deleted; requests that come later are found by `endIfGone`.
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
      // Their outcomes are recorded: what stays is not read again.
      Effect.catch(({ message }) =>
        Effect.logWarning(
          `the requests of ended redrives stay in ${redriveStream}: ${message}. Allow this NATS user to publish to `
            + `$JS.API.STREAM.PURGE.${redriveStream}.`
        )
      )
    )
  }
)

/**
 * The same, if it is a consumer of a projection's generation that is neither live nor being built, and no longer there.
 * Any other consumer can be started again, so redrives wait for it.
 */
export const endIfGone = Effect.fnUntraced(function*(manager: JetStreamManager, consumer: string) {
  const sql = yield* SqlClient
  const [, name = "", generation = ""] = /^(.+)-(\d{1,9})(?:-[0-9a-f]{8})?$/.exec(consumer) ?? []
  const ours = yield* sql`select 1 from projections where name = ${name}`
  if (ours.length === 0 || (yield* isWanted(name, Number(generation)))) return
  const found = yield* Effect.forEach(
    [stream, redriveStream],
    (name) => reading(() => manager.consumers.info(name, consumer).catch(unlessMissing))
  )
  if (found.some((info) => info !== undefined)) return
  yield* endRedrives(manager, consumer, replaced(name, Number(generation)))
})

/** Why redrives of a generation end. */
export const replaced = (name: string, generation: number) =>
  `generation ${generation} of ${name} is neither live nor being built`
