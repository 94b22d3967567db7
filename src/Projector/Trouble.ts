import { Effect } from "effect"
import { monotonicMillis } from "../Process/Monotonic.ts"

/** Why a generation does not advance. A retry is under way. */
export interface Trouble {
  failures: number
  reason: string | undefined
  /** Time of the last failure, in milliseconds of the monotonic clock. */
  failedAt: number
  /** Why dead-lettering has stopped. */
  limited: () => string | undefined
}

/**
 * A reason is dropped this long after the last failure, in milliseconds. It is longer than a batch and the wait
 * before it. By then another instance has applied the events that failed here.
 */
const remembered = 150_000

export const reasonOf = (trouble: Trouble | undefined, now: number) =>
  trouble?.reason !== undefined && now < trouble.failedAt + remembered ? trouble.reason : trouble?.limited()

/** Records that a batch failed and why. An outage causes many attempts, so each reason is a warning only once. */
export const noteFailure = (trouble: Trouble, projection: string, reason: string) =>
  Effect.flatMap(monotonicMillis, (now) => {
    const isNew = reason !== trouble.reason
    trouble.failures++
    trouble.reason = reason
    trouble.failedAt = now
    const line = `projection ${projection} waits for the database: ${reason}`
    return isNew ? Effect.logWarning(line) : Effect.logDebug(line)
  })

/** Records that a batch was applied. */
export const noteSuccess = (trouble: Trouble) => {
  trouble.failures = 0
  trouble.reason = undefined
}

/** Delay before a failed batch is retried, in milliseconds. */
export const retryDelay = ({ failures }: Trouble) => Math.min(30_000, 250 * 2 ** Math.min(failures, 10))
