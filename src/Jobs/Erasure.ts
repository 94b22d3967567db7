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

/** Everything found for a target. */
export interface Found {
  /** Sequences of entries in the log and of events that only dead letters still hold, in ascending order. */
  readonly sequences: ReadonlyArray<number>
  /** Sequences of events that only rows of read models still refer to. */
  readonly orphans: ReadonlyArray<number>
  readonly deadLetters: number
  /** Number of read model rows by table. Tables without rows are left out. */
  readonly rows: Readonly<Record<string, number>>
  /** The last sequence that was searched. Entries stored after it are not included. */
  readonly upTo: number
}

/** An entry and the facts read from its body. */
export interface Read {
  readonly sequence: number
  readonly id: string
  readonly type: string
  readonly text: Buffer
  readonly belonging: Belonging | undefined
}

/**
 * Finds everything that belongs to a target and was stored up to the sequence `bound`, or up to now. It reads the
 * whole log again until a pass finds no further scan, conversation or code of the target. If an entity belongs to the
 * target in one event, it does so in all events.
 *
 * For an event, it finds every event about the same scan, conversation, code or subscription. Entities that belong to
 * that one, such as the scans of a code, are not included.
 */
export const find = Effect.fn("Forget.find")(function*(target: Target, bound?: number) {
  const letters = yield* DeadLetters
  const { firstSequence, lastSequence } = yield* (yield* EventLog).state
  const upTo = bound ?? lastSequence
  const { belongs, keys } = selectionOf(target)
  let found: ReadonlySet<number> = new Set()
  for (let known = -1; known !== keys.size;) {
    known = keys.size
    const belonging = Stream.filter(readings(letters, firstSequence, upTo), belongs)
    found = new Set(yield* Stream.runCollect(Stream.map(belonging, ({ sequence }) => sequence)))
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

/**
 * Decides whether an entry belongs to a target. `keys` are those of the target's entities. `belongs` adds the entity
 * of each entry that belongs to the target, so that it later recognises the other entries about that entity.
 */
export const selectionOf = (target: Target) => {
  const keys = new Set(target.kind === "event" ? [] : [keyOf(target.kind, target.id)])
  const isMeant = ({ belonging, id, text }: Read) =>
    target.kind === "event"
      ? id === target.id || keys.has(belonging?.own ?? "")
      : belonging === undefined
      ? text.includes(JSON.stringify(target.id))
      : keys.has(belonging.own ?? "") || belonging.to.some((key) => keys.has(key))
  const belongs = (read: Read) => {
    const meant = isMeant(read)
    if (meant && read.belonging?.own !== undefined) keys.add(read.belonging.own)
    return meant
  }
  return { keys, belongs }
}

/** All entries of the log up to `upTo`, and then the events that only dead letters still hold. */
const readings = (letters: DeadLetters["Service"], firstSequence: number, upTo: number) =>
  Stream.concat(
    Stream.map(logEntries({ after: 0, upTo }), readingOf),
    letters.all({}).pipe(
      Stream.filter(({ sequence }) => sequence < firstSequence),
      Stream.mapEffect((letter) =>
        Effect.map(letters.bodyOf(letter), (found) => {
          const { eventId, sequence, subject } = letter
          const headers = { "ce-id": eventId }
          return Option.toArray(found).map((body) =>
            readingOf({ sequence, subject, headers, body, storedAt: 0 })
          )
        })
      ),
      Stream.flattenIterable
    )
  )

/** The facts about an entry of the log. Its type comes from its subject; a quarantined entry has none. */
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
