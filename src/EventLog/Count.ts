import { Effect } from "effect"
import type { Part, ReadFailed } from "./EventLog.ts"
import { eventSubjects, probeSubject, quarantineSubjects, stream as eventStream } from "./Names.ts"
import { matches } from "./Subjects.ts"

type Pending = (part: Part) => Effect.Effect<number, ReadFailed>

/**
 * Counts the messages of a part of a stream, from what a consumer of it has pending. Omits the probe of a process that
 * was killed before it deleted it.
 */
export const counting = (stream: string, pending: Pending) =>
  Effect.fn("EventLog.count")(function*(part: Part) {
    if (stream !== eventStream) return yield* pending(part)
    const all = yield* countAll(pending, part)
    return all === 0 || !matches(part.filter, probeSubject)
      ? all
      : all - (yield* pending({ after: part.after, filter: probeSubject }))
  })

/**
 * Without a filter, nats-server 2.9 also counts messages that were deleted before it was killed. So the whole log is
 * counted by its two subjects.
 */
const countAll = (pending: Pending, { after, filter }: Part) =>
  filter !== undefined
    ? pending({ after, filter })
    : Effect.zipWith(
      pending({ after, filter: eventSubjects }),
      pending({ after, filter: quarantineSubjects }),
      (events, quarantined) => events + quarantined,
      { concurrent: true }
    )
