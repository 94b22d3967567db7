import { messageOf } from "../Process/Failure.ts"

/** The outcome of one event: done, retried after some time, or kept as a dead letter because no retry can help. */
export type Outcome =
  | { readonly _tag: "Ack" }
  | { readonly _tag: "RetryAfter"; readonly millis: number }
  | { readonly _tag: "DeadLetter"; readonly error: string }

export const ack: Outcome = { _tag: "Ack" }

/** The event is delivered again after this many milliseconds. Throws a `RangeError` when `isDelay` refuses the number. */
export const retryAfter = (millis: number): Outcome => {
  if (isDelay(millis)) return { _tag: "RetryAfter", millis }
  throw new RangeError(`retryAfter(${String(millis)}): allowed is a number of ${delays}.`)
}

export const deadLetter = (error: string): Outcome => ({
  _tag: "DeadLetter",
  // Plain JavaScript can pass any value.
  error: typeof error === "string" ? error : messageOf(error)
})

/** The longest delay of a timer in JavaScript, in milliseconds. A timer with a longer one fires at once. */
export const longestDelay = 2_147_483_647

/** The allowed delays, for messages. */
export const delays = `milliseconds from 0 to ${longestDelay} (24 days)`

/** Whether a value is a delay that timers and the broker support. */
export const isDelay = (millis: unknown): millis is number =>
  typeof millis === "number" && millis >= 0 && millis <= longestDelay
