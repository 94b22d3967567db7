import { Effect, Option, Queue } from "effect"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import type { Entry, EventLog } from "../EventLog/EventLog.ts"
import { ingest } from "../Process/Metrics.ts"

/** What came under the id of an event that the log has, and is another body. */
export interface ConflictCounts {
  readonly conflicts: number
  /** Duplicates that were not compared: there were too many at once, or the log could not be read. */
  readonly unchecked: number
}

/** At a time, and waiting for their turn. */
const workers = 4
const waiting = 256

/**
 * Compares duplicates with what the log has under their id, beside the answers. The first body is kept, so another
 * one is only logged and counted. Of a wave of duplicates some are not compared.
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
      `event ${entry.id} came again with another body; the first, at sequence ${sequence}, is kept: sha256 ${
        sha256(first.value.body)
      }, now ${sha256(entry.body)} (${counts.conflicts} such so far)`
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
    /** Returns at once. */
    compare: (entry: Entry, sequence: number): void => {
      if (!Queue.offerUnsafe(queue, { entry, sequence })) counts.unchecked++
    },
    counts: (): ConflictCounts => ({ ...counts })
  }
})

const sha256 = (body: Uint8Array) => createHash("sha256").update(body).digest("hex")
