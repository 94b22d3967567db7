import { Clock, DateTime, Effect, Layer, Option } from "effect"
import {
  type Entry,
  EventLog,
  type LoggedEntry,
  type LogState,
  type Part,
  type Stored
} from "../../src/EventLog/EventLog.ts"
import { headersOf } from "../../src/EventLog/Headers.ts"
import { matches } from "../../src/EventLog/Subjects.ts"

/**
 * An event log in memory. It keeps the same promises as JetStream except durability: nothing
 * survives the process.
 */
export const layer = ({ dedupWindow } = { dedupWindow: 7_200_000 }) =>
  Layer.effect(
    EventLog,
    Effect.map(DateTime.now, (now) => {
      const log = new MemoryLog(DateTime.formatIso(now), dedupWindow)
      return EventLog.of({
        append: (entry) => Effect.map(Clock.currentTimeMillis, (now) => log.append(entry, now)),
        get: (sequence) => Effect.sync(() => Option.fromUndefinedOr(log.entries[log.indexOf(sequence)])),
        read: ({ limit, wait = 0, ...part }) =>
          Effect.gen(function*() {
            if (log.matching(part).length === 0) {
              yield* Effect.sleep(5).pipe(
                Effect.repeat({ until: () => log.matching(part).length > 0 }),
                Effect.timeoutOption(wait)
              )
            }
            const found = log.matching(part).slice(0, limit)
            return { entries: found, cursor: found.at(-1)?.sequence ?? part.after, end: found.length === 0 }
          }),
        first: (part) => Effect.sync(() => Option.fromUndefinedOr(log.matching(part)[0])),
        count: (part) => Effect.sync(() => log.matching(part).length),
        sequenceAt: (time) =>
          Effect.sync(() =>
            log.entries.find(({ storedAt }) => storedAt >= time)?.sequence ?? log.state.lastSequence + 1
          ),
        erase: (sequence) => Effect.sync(() => log.erase(sequence)),
        state: Effect.sync(() => log.state),
        census: Effect.sync(() => ({ ...log.state, subjects: log.subjects })),
        health: Effect.succeed({ ready: true }),
        durability: "no failure: the log is in memory",
        maxBodyBytes: Number.MAX_SAFE_INTEGER
      })
    })
  )

class MemoryLog {
  readonly entries: Array<LoggedEntry> = []
  readonly #created: string
  readonly #dedupWindow: number
  readonly #seen = new Map<string, { readonly at: number; readonly sequence: number }>()
  #lastSequence = 0

  constructor(created: string, dedupWindow: number) {
    this.#created = created
    this.#dedupWindow = dedupWindow
  }

  append(entry: Entry, now: number): Stored {
    const dedupId = entry.dedupId ?? entry.id
    const first = this.#seen.get(dedupId)
    if (first !== undefined && now - first.at < this.#dedupWindow) {
      return { sequence: first.sequence, duplicate: true }
    }
    const sequence = ++this.#lastSequence
    this.entries.push({
      sequence,
      subject: entry.subject,
      headers: Object.fromEntries(headersOf(entry)),
      storedAt: now,
      body: Uint8Array.from(entry.body)
    })
    this.#seen.set(dedupId, { at: now, sequence })
    return { sequence, duplicate: false }
  }

  /** -1 when no entry has this sequence. */
  indexOf(sequence: number): number {
    return this.entries.findIndex((entry) => entry.sequence === sequence)
  }

  matching({ after, filter }: Part): ReadonlyArray<LoggedEntry> {
    return this.entries.filter(({ sequence, subject }) => sequence > after && matches(filter, subject))
  }

  erase(sequence: number): void {
    const at = this.indexOf(sequence)
    if (at >= 0) this.entries.splice(at, 1)
  }

  get state(): LogState {
    return {
      entries: this.entries.length,
      bytes: this.entries.reduce((bytes, { body }) => bytes + body.length, 0),
      firstSequence: this.entries[0]?.sequence ?? this.#lastSequence + 1,
      lastSequence: this.#lastSequence,
      created: this.#created,
      dedupWindow: this.#dedupWindow,
      retention: undefined,
      replicas: 1
    }
  }

  /** Number of entries by subject. */
  get subjects(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (const { subject } of this.entries) counts[subject] = (counts[subject] ?? 0) + 1
    return counts
  }
}
