import { Effect, Option, Stream } from "effect"
import { Buffer } from "node:buffer"
import { DeadLetters } from "./DeadLetters.ts"
import { EventLog, eventSubject, type LoggedEntry } from "./EventLog.ts"
import { logEntries } from "./EventLog/Entries.ts"
import { type Belonging, belongingOf, keyOf } from "./Forget/Belonging.ts"
import { countRows } from "./Forget/Rows.ts"
import type { Target } from "./Forget/Target.ts"

/** What there is of a target. */
export interface Found {
  /** Of entries in the log, and of events that only dead letters have any more; in ascending order. */
  readonly sequences: ReadonlyArray<number>
  readonly deadLetters: number
  /** Rows of read models, by table; those without any are left out. */
  readonly rows: Readonly<Record<string, number>>
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
 * Finds all that belongs to a target, by reading the whole log: twice, because a scan or a conversation that
 * belongs to it in one event does so in all; once more for each further step, such as from scans to
 * conversations that name nothing but their scan.
 *
 * An event stands for what it is about: a scan, a conversation, a code or a subscription, with every event about
 * that; a code is then taken without what belongs to it.
 */
export const find = Effect.fn("Forget.find")(function*(target: Target) {
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

  const { firstSequence } = yield* log.state
  const all = yield* letters.list({})
  const pass = Effect.gen(function*() {
    const found = new Set<number>()
    yield* Stream.runForEachArray(logEntries({ after: 0 }), (entries) =>
      Effect.sync(() => {
        for (const entry of entries) if (belongs(readingOf(entry))) found.add(entry.sequence)
      }))
    // The log may have let go of what a dead letter still holds.
    for (const letter of all.filter(({ sequence }) => sequence < firstSequence)) {
      const body = yield* letters.bodyOf(letter)
      if (Option.isNone(body)) continue
      const { eventId, sequence, subject } = letter
      const read = readingOf({ sequence, subject, headers: { "ce-id": eventId }, body: body.value })
      if (belongs(read)) found.add(sequence)
    }
    return found
  })
  let found = yield* pass
  for (let known = 0; known !== keys.size;) {
    known = keys.size
    found = yield* pass
  }
  const sequences = [...found].toSorted((a, b) => a - b)
  return {
    sequences,
    deadLetters: all.filter(({ sequence }) => found.has(sequence)).length,
    rows: yield* countRows(target, keys)
  } satisfies Found
})

/** What an entry of the log is about; its type is that of its subject, and of none in quarantine. */
export const readingOf = ({ body, headers, sequence, subject }: LoggedEntry): Read => {
  const text = Buffer.from(body.buffer, body.byteOffset, body.length)
  const id = headers["ce-id"] ?? ""
  const type = subject.startsWith(eventSubject("")) ? subject.slice(eventSubject("").length) : ""
  try {
    return { sequence, id, type, text, belonging: belongingOf(JSON.parse(text.toString("utf8"))) }
  } catch {
    return { sequence, id, type, text, belonging: undefined }
  }
}
