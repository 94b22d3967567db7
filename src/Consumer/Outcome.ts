import { messageOf } from "../Process/Failure.ts"

/** What becomes of one event: done, again after some time, or kept as a dead letter because no retry can help. */
export type Outcome =
  | { readonly _tag: "Ack" }
  | { readonly _tag: "RetryAfter"; readonly millis: number }
  | { readonly _tag: "DeadLetter"; readonly error: string }

export const ack: Outcome = { _tag: "Ack" }

/** The event is delivered again after this many milliseconds. Throws a `RangeError` when `isDelay` refuses the number. */
export const retryAfter = (millis: number): Outcome => {
  if (isDelay(millis)) return { _tag: "RetryAfter", millis }
  throw new RangeError(`retryAfter(${String(millis)}): allowed are ${delays}.`)
}

export const deadLetter = (error: string): Outcome => ({
  _tag: "DeadLetter",
  // Plain JavaScript can give anything.
  error: typeof error === "string" ? error : messageOf(error)
})

/** The longest delay of a timer in JavaScript, in milliseconds. A timer with a longer one fires at once. */
export const longestDelay = 2_147_483_647

/** Which delays are allowed, in words. */
export const delays = `milliseconds from 0 to ${longestDelay} (24 days)`

/** Whether something is a delay that a timer and the broker can keep. */
export const isDelay = (millis: unknown): millis is number =>
  typeof millis === "number" && millis >= 0 && millis <= longestDelay
