import { Effect } from "effect"
import { EventLog, type LoggedEntry } from "../../EventLog.ts"

export interface Window {
  /** The first sequence of the window. */
  readonly from: number
  /** The sequence behind its last one. */
  readonly before: number
  readonly limit: number
  /** A subject or a wildcard. */
  readonly filter: string | undefined
}

/** The most that one page holds, in bytes. */
const maxBytes = 16 * 1024 * 1024

/**
 * The last entries of a window of the log, newest first. The log reads forward only: so the place to
 * start from is found by counting what lies behind it.
 */
export const newest = Effect.fn("Events.newest")(function*({ before, filter, from, limit }: Window) {
  const log = yield* EventLog
  if (before <= from) return { entries: [], cursor: from, more: false }
  const behind = yield* log.count({ after: before - 1, filter })
  const since = (sequence: number) =>
    Effect.map(log.count({ after: sequence - 1, filter }), (count) => count - behind)

  let few = before
  let start = Math.max(from, before - limit)
  let found = yield* since(start)
  while (found < limit && start > from) {
    few = start
    start = Math.max(from, before - 4 * (before - start))
    found = yield* since(start)
  }
  while (found > 2 * limit && few - start > 1) {
    const middle = start + Math.floor((few - start) / 2)
    const count = yield* since(middle)
    if (count < limit) few = middle
    else [start, found] = [middle, count]
  }

  const entries = yield* lastOf(start, before, limit, filter)
  const cursor = entries[0]?.sequence ?? start
  const more = cursor > from && (yield* since(from)) > entries.length
  return { entries: entries.toReversed(), cursor, more }
})

const lastOf = Effect.fnUntraced(
  function*(start: number, before: number, limit: number, filter: string | undefined) {
    const log = yield* EventLog
    const kept: Array<LoggedEntry> = []
    let bytes = 0
    for (let after = start - 1; after < before - 1;) {
      const part = yield* log.read({ after, limit: Math.min(1_000, before - 1 - after), filter })
      const last = part.at(-1)
      if (last === undefined) break
      after = last.sequence
      for (const entry of part) {
        if (entry.sequence >= before) break
        kept.push(entry)
        bytes += entry.body.length
      }
      while (kept.length > limit || (bytes > maxBytes && kept.length > 1)) {
        bytes -= kept.shift()?.body.length ?? 0
      }
    }
    return kept
  }
)
