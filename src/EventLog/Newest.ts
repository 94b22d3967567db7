import { Effect, Option, Stream } from "effect"
import { entriesOf } from "./Entries.ts"
import type { EventLog, LoggedEntry } from "./EventLog.ts"

/** The reads that a page needs, from the event log or another stream. */
type Log = Pick<EventLog["Service"], "first" | "read">

export interface Window {
  /** The first sequence of the window. */
  readonly from: number
  /** The sequence after the last one of the window. */
  readonly before: number
  readonly limit: number
  /** A subject or a wildcard. */
  readonly filter: string | undefined
}

/** Maximum size of one page in bytes. */
const maxBytes = 16 * 1024 * 1024

/**
 * The last entries of a window of the log, newest first. The log can only be read forward. So parts of the window are
 * read from its end until there are enough entries. Each step reaches four times as far back as the step before.
 */
export const newest = Effect.fn("EventLog.newest")(function*(
  log: Log,
  { before, filter, from, limit }: Window
) {
  if (before <= from) return { entries: [], cursor: from, more: false }
  let entries: ReadonlyArray<LoggedEntry> = []
  let start = before
  while (entries.length < limit && start > from) {
    const upTo = start - 1
    start = Math.max(from, before - Math.max(limit, 4 * (before - start)))
    const part = yield* lastOf(log, start, upTo, limit - entries.length, filter)
    entries = [...part, ...entries]
    if (part.length > 0 && sizeOf(entries) > maxBytes) break
  }
  while (entries.length > 1 && sizeOf(entries) > maxBytes) entries = entries.slice(1)
  const cursor = entries[0]?.sequence ?? start
  const first = cursor > from ? yield* log.first({ after: from - 1, filter }) : Option.none()
  const more = Option.exists(first, ({ sequence }) => sequence < cursor)
  return { entries: entries.toReversed(), cursor, more }
})

const sizeOf = (entries: ReadonlyArray<LoggedEntry>) =>
  entries.reduce((bytes, { body }) => bytes + body.length, 0)

/** The last entries of a part, up to `limit` entries and `maxBytes`. */
const lastOf = Effect.fnUntraced(
  function*(log: Log, start: number, upTo: number, limit: number, filter: string | undefined) {
    const kept: Array<LoggedEntry> = []
    let bytes = 0
    yield* Stream.runForEachArray(
      entriesOf(log.read, { after: start - 1, upTo, filter }),
      (entries) =>
        Effect.sync(() => {
          for (const entry of entries) {
            kept.push(entry)
            bytes += entry.body.length
            while (kept.length > limit || (bytes > maxBytes && kept.length > 1)) {
              bytes -= kept.shift()?.body.length ?? 0
            }
          }
        })
    )
    return kept
  }
)
