import { Effect, Option, Queue } from "effect"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import type { Entry, EventLog } from "../EventLog/EventLog.ts"
import { ingest } from "../Process/Metrics.ts"

/** Results of the comparison of duplicates with the stored events. */
export interface ConflictCounts {
  readonly conflicts: number
  /** Duplicates that were not compared: there were too many at once, or the log could not be read. */
  readonly unchecked: number
}

/** Maximum number of comparisons at a time, and of those that are queued. */
const workers = 4
const waiting = 256

/**
 * Compares the bodies of duplicates with the stored event, without delaying the responses. The first body is kept; a
 * conflict is only logged and counted. If many duplicates arrive at once, some are not compared.
 */
export const watchConflicts = Effect.fnUntraced(function*(log: Pick<EventLog["Service"], "get">) {
  const queue = yield* Queue.dropping<{ readonly entry: Entry; readonly sequence: number }>(waiting)
  const counts = { conflicts: 0, unchecked: 0 }

  const compare = Effect.fnUntraced(function*(entry: Entry, sequence: number) {
    const first = yield* log.get(sequence)
    if (Option.isNone(first) || Buffer.compare(first.value.body, entry.body) === 0) return
    counts.conflicts++
    ingest.conflict()
    yield* Effect.logWarning(
      `event ${entry.id} was delivered again with a different body. The first body, at sequence ${sequence}, is kept: sha256 ${
        sha256(first.value.body)
      }, now ${sha256(entry.body)} (${counts.conflicts} conflicts so far)`
    )
  })

  yield* Queue.take(queue).pipe(
    Effect.flatMap(({ entry, sequence }) => compare(entry, sequence)),
    Effect.catch(() => Effect.sync(() => void counts.unchecked++)),
    Effect.forever,
    Effect.forkScoped,
    Effect.replicateEffect(workers, { discard: true })
  )
  return {
    /** Queues the comparison and returns at once. */
    compare: (entry: Entry, sequence: number): void => {
      if (!Queue.offerUnsafe(queue, { entry, sequence })) counts.unchecked++
    },
    counts: (): ConflictCounts => ({ ...counts })
  }
})

const sha256 = (body: Uint8Array) => createHash("sha256").update(body).digest("hex")
