import { Effect } from "effect"
import type { DeadLetters } from "../EventLog/DeadLetters.ts"
import type { Delivered } from "../EventLog/Delivered.ts"

/** Delay before a dead letter that was not stored is tried again, in milliseconds. */
export const putAgain = 5_000

/** Stores an event as a dead letter of a consumer. Returns false when that fails, which it logs. */
export const putLetter = (
  deadLetters: DeadLetters["Service"],
  consumer: string,
  event: Delivered,
  error: string
) =>
  Effect.as(deadLetters.put(consumer, event, error), true).pipe(
    Effect.catch(({ message }) =>
      Effect.as(
        Effect.logWarning(`dead letter not stored, next attempt in ${putAgain / 1_000} s: ${message}`),
        false
      )
    )
  )
