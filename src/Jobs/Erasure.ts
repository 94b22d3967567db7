import { Effect, Option, Stream } from "effect"
import { Buffer } from "node:buffer"
import { type Belonging, belongingOf, keyOf } from "../Domain/Belonging.ts"
import type { Target } from "../Domain/ErasureTarget.ts"
import { DeadLetters } from "../EventLog/DeadLetters.ts"
import { idOf } from "../EventLog/Delivered.ts"
import { logEntries } from "../EventLog/Entries.ts"
import { EventLog, type LoggedEntry } from "../EventLog/EventLog.ts"
import { eventSubject } from "../EventLog/Names.ts"
import { rowsOf } from "./Erasure/ErasedRows.ts"

/** What there is of a target. */
export interface Found {
  /** Of entries in the log, and of events that only dead letters still hold; in ascending order. */
  readonly sequences: ReadonlyArray<number>
  /** Of events that only rows of read models still tell of. */
  readonly orphans: ReadonlyArray<number>
  readonly deadLetters: number
  /** Rows of read models, by table; those without any are left out. */
  readonly rows: Readonly<Record<string, number>>
  /** The last sequence that was looked at: what is stored behind it is not in here. */
  readonly upTo: number
}

/** An entry, and what its body says. */
export interface Read {
  readonly sequence: number
  readonly id: string
  readonly type: string
  readonly text: Buffer
  readonly belonging: Belonging | undefined
}

/**
 * Finds all that belongs to a target and was stored up to a sequence, or up to now. It reads the whole log again until
 * a pass finds no further scan, conversation or code that belongs to it: what belongs to it in one event does so in
 * all of them.
 *
 * An event stands for its scan, conversation, code or subscription, with every event about that. A code is then taken
 * without what belongs to it.
 */
export const find = Effect.fn("Forget.find")(function*(target: Target, bound?: number) {
  const log = yield* EventLog
  const letters = yield* DeadLetters
  const keys = new Set(target.kind === "event" ? [] : [keyOf(target.kind, target.id)])
  const belongs = ({ belonging, id, text }: Read) => {
    const meant = target.kind === "event"
      ? id === target.id || keys.has(belonging?.own ?? "")
      : belonging === undefined
      ? text.includes(JSON.stringify(target.id))
      : keys.has(belonging.own ?? "") || belonging.to.some((key) => keys.has(key))
    if (meant && belonging?.own !== undefined) keys.add(belonging.own)
    return meant
  }

  const { firstSequence, lastSequence } = yield* log.state
  const upTo = bound ?? lastSequence
  const pass = Effect.gen(function*() {
    const found = new Set<number>()
    yield* Stream.runForEachArray(logEntries({ after: 0, upTo }), (entries) =>
      Effect.sync(() => {
        for (const entry of entries) if (belongs(readingOf(entry))) found.add(entry.sequence)
      }))
    // A dead letter can hold an event that the log no longer has.
    yield* Stream.runForEach(
      Stream.filter(letters.all({}), ({ sequence }) => sequence < firstSequence),
      (letter) =>
        Effect.map(letters.bodyOf(letter), (body) => {
          const { eventId, sequence, subject } = letter
          if (Option.isNone(body)) return
          const headers = { "ce-id": eventId }
          const read = readingOf({ sequence, subject, headers, body: body.value, storedAt: 0 })
          if (belongs(read)) found.add(sequence)
        })
    )
    return found
  })
  let found = yield* pass
  for (let known = 0; known !== keys.size;) {
    known = keys.size
    found = yield* pass
  }
  const rows = yield* rowsOf(target, keys, upTo)
  return {
    sequences: [...found].toSorted((a, b) => a - b),
    orphans: [...new Set(Object.values(rows).flat())].filter((sequence) => !found.has(sequence)),
    deadLetters: yield* Stream.runCount(
      Stream.filter(letters.all({}), ({ sequence }) => found.has(sequence))
    ),
    rows: Object.fromEntries(Object.entries(rows).map(([table, { length }]) => [table, length])),
    upTo
  } satisfies Found
})

/** What an entry of the log is about; its type is that of its subject, and of none in quarantine. */
export const readingOf = (entry: LoggedEntry): Read => {
  const { body, sequence, subject } = entry
  const text = Buffer.from(body.buffer, body.byteOffset, body.length)
  const id = idOf(entry)
  const type = subject.startsWith(eventSubject("")) ? subject.slice(eventSubject("").length) : ""
  try {
    return { sequence, id, type, text, belonging: belongingOf(JSON.parse(text.toString("utf8"))) }
  } catch {
    return { sequence, id, type, text, belonging: undefined }
  }
}
