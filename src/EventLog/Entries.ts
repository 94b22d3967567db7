import { Effect, Option, Stream } from "effect"
import {
  EventLog,
  type LoggedEntry,
  type Page,
  type Part,
  type ReadFailed,
  type ReadOptions
} from "./EventLog.ts"

export interface Range extends Part {
  /** The last sequence to read. The end of the log if undefined. */
  readonly upTo?: number | undefined
}

/** Maximum number of entries in one read. */
const pageSize = 1_000

/**
 * Reads every entry of a range, page by page. It ends only when the log reports its end, because a page can be empty
 * before that.
 */
export const entriesOf = (
  read: (options: ReadOptions) => Effect.Effect<Page, ReadFailed>,
  { after, filter, upTo = Infinity }: Range
): Stream.Stream<LoggedEntry, ReadFailed> =>
  Stream.paginate(after, (from) =>
    from >= upTo
      ? Effect.succeed([[], Option.none()])
      : Effect.map(
        read({ after: from, filter, limit: Math.min(pageSize, upTo - from) }),
        ({ cursor, end, entries }) => [
          entries.filter(({ sequence }) => sequence <= upTo),
          end ? Option.none() : Option.some(cursor)
        ]
      ))

/** Every entry of a range of the event log. */
export const logEntries = (range: Range) =>
  Stream.unwrap(Effect.map(EventLog, ({ read }) => entriesOf(read, range)))
