import { Effect } from "effect"
import type { EventLog } from "../../EventLog/EventLog.ts"
import { compareLog, settle } from "./LogIdentity.ts"
import type { Seen } from "./Look.ts"
import type { Generation } from "./Places.ts"

/**
 * Compares generations with the log. Compares again on each connection to the broker, because it can lead to another
 * log.
 */
export const logComparisons = (
  log: EventLog["Service"],
  seenOf: (of: Generation) => Seen,
  connection: () => number
) => {
  /**
   * Why nothing may be applied from this log; undefined when events may be applied. Compares the content only when
   * the log or the connection has changed.
   */
  const otherLog = Effect.fnUntraced(function*(of: Generation, always = false) {
    const state = seenOf(of)
    const now = yield* log.state
    const known = state.comparison
    const isSame = !always && known !== undefined && state.connection === connection()
      && known.now.created === now.created && known.memory.highest <= now.lastSequence
    if (isSame) return undefined
    const comparing = connection()
    const comparison = yield* compareLog(of)
    const reason = yield* settle(of, comparison)
    state.comparison = reason === undefined ? comparison : undefined
    state.connection = comparing
    return reason
  })

  /** Whether a batch may be applied. The log must have been compared on this connection to the broker. */
  const admits = (of: Generation) =>
    Effect.suspend(() => {
      const state = seenOf(of)
      return state.comparison !== undefined && state.connection === connection()
        ? Effect.succeed(true)
        : Effect.map(otherLog(of), (reason) => reason === undefined)
    })

  return { otherLog, admits }
}
