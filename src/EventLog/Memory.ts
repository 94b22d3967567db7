import { Clock, DateTime, Effect, Layer, Option } from "effect"
import { EventLog, type LoggedEntry, type Part, type Stored } from "./EventLog.ts"
import { headersOf } from "./Headers.ts"
import { matches } from "./Subjects.ts"

/**
 * An event log in memory, for unit tests only. It keeps the same promises as JetStream except durability: nothing
 * survives the process.
 */
export const layer = (options: { readonly dedupWindow: number } = { dedupWindow: 7_200_000 }) =>
  Layer.effect(
    EventLog,
    Effect.gen(function*() {
      const created = DateTime.formatIso(yield* DateTime.now)
      const entries: Array<LoggedEntry> = []
      let lastSequence = 0
      const matching = ({ after, filter }: Part) =>
        entries.filter(({ sequence, subject }) => sequence > after && matches(filter, subject))
      const state = () => ({
        entries: entries.length,
        bytes: entries.reduce((bytes, { body }) => bytes + body.length, 0),
        firstSequence: entries[0]?.sequence ?? lastSequence + 1,
        lastSequence,
        created,
        dedupWindow: options.dedupWindow,
        retention: undefined,
        replicas: 1
      })
      const seen = new Map<string, { readonly at: number; readonly sequence: number }>()

      return EventLog.of({
        append: (entry) =>
          Effect.map(Clock.currentTimeMillis, (now): Stored => {
            const dedupId = entry.dedupId ?? entry.id
            const first = seen.get(dedupId)
            if (first !== undefined && now - first.at < options.dedupWindow) {
              return { sequence: first.sequence, duplicate: true }
            }
            const sequence = ++lastSequence
            entries.push({
              sequence,
              subject: entry.subject,
              headers: Object.fromEntries(headersOf(entry)),
              storedAt: now,
              body: Uint8Array.from(entry.body)
            })
            seen.set(dedupId, { at: now, sequence })
            return { sequence, duplicate: false }
          }),
        get: (sequence) =>
          Effect.sync(() => Option.fromUndefinedOr(entries.find((entry) => entry.sequence === sequence))),
        read: ({ limit, wait = 0, ...part }) =>
          Effect.gen(function*() {
            if (matching(part).length === 0) {
              yield* Effect.sleep(5).pipe(
                Effect.repeat({ until: () => matching(part).length > 0 }),
                Effect.timeoutOption(wait)
              )
            }
            const found = matching(part).slice(0, limit)
            return { entries: found, cursor: found.at(-1)?.sequence ?? part.after, end: found.length === 0 }
          }),
        first: (part) => Effect.sync(() => Option.fromUndefinedOr(matching(part)[0])),
        count: (part) => Effect.sync(() => matching(part).length),
        sequenceAt: (time) =>
          Effect.sync(() => entries.find(({ storedAt }) => storedAt >= time)?.sequence ?? lastSequence + 1),
        erase: (sequence) =>
          Effect.sync(() => {
            const at = entries.findIndex((entry) => entry.sequence === sequence)
            if (at >= 0) entries.splice(at, 1)
          }),
        state: Effect.sync(state),
        census: Effect.sync(() => ({
          ...state(),
          subjects: entries.reduce<Record<string, number>>(
            (counts, { subject }) => ({ ...counts, [subject]: (counts[subject] ?? 0) + 1 }),
            {}
          )
        })),
        health: Effect.succeed({ ready: true }),
        durability: "no failure: the log is in memory",
        maxBodyBytes: Number.MAX_SAFE_INTEGER
      })
    })
  )
