import { Clock, Effect, Layer, Option } from "effect"
import { EventLog, type LoggedEntry, type Stored } from "../EventLog.ts"
import { headersOf } from "./Headers.ts"

/**
 * The log in an array, for unit tests only. It keeps the same promises as JetStream except the one that
 * matters in production: nothing survives the process.
 */
export const layer = (options: { readonly dedupWindow: number } = { dedupWindow: 7_200_000 }) =>
  Layer.sync(EventLog, () => {
    const entries: Array<LoggedEntry> = []
    const seen = new Map<string, { readonly at: number; readonly sequence: number }>()

    return EventLog.of({
      append: (entry) =>
        Effect.map(Clock.currentTimeMillis, (now): Stored => {
          const first = seen.get(entry.id)
          if (first !== undefined && now - first.at < options.dedupWindow) {
            return { sequence: first.sequence, duplicate: true }
          }
          const sequence = entries.length + 1
          entries.push({
            sequence,
            subject: entry.subject,
            headers: Object.fromEntries(headersOf(entry)),
            body: Uint8Array.from(entry.body)
          })
          seen.set(entry.id, { at: now, sequence })
          return { sequence, duplicate: false }
        }),
      get: (sequence) => Effect.sync(() => Option.fromUndefinedOr(entries[sequence - 1])),
      state: Effect.sync(() => ({ entries: entries.length, lastSequence: entries.length })),
      health: Effect.succeed({ ready: true }),
      durability: "nothing: the log is in memory",
      maxBodyBytes: Number.MAX_SAFE_INTEGER
    })
  })
