import { Effect } from "effect"
import { messageOf } from "../../Process/Failure.ts"
import { deadLetter, type Outcome, retryAfter } from "../Outcome.ts"
import type { ConsumedEvent } from "./ConsumedEvent.ts"

/** When an event is retried after its handler failed. */
export interface Retry {
  /**
   * Delays after the first failure, the second, and so on, in milliseconds. Default: 1 second, 10 seconds, 1 minute
   * and 10 minutes. The failure after the last delay makes a dead letter. Each instance counts its own failures since
   * its start. So an event may be tried more often, but never less often.
   */
  readonly delays?: ReadonlyArray<number> | undefined
  /**
   * Whether an error is transient and not caused by the event, such as a lost connection. Such an event is retried
   * without a limit, with the last of the delays, and does not become a dead letter. Default: no error is transient.
   */
  readonly isTransient?: ((error: unknown) => boolean) | undefined
}

/** Counts the failures of each unfinished event and decides its outcome. */
export class Failures {
  readonly #delays: ReadonlyArray<number>
  readonly #failures = new Map<number, number>()
  readonly isTransient: (error: unknown) => boolean

  constructor({ delays = defaultDelays, isTransient = () => false }: Retry = {}) {
    this.#delays = delays
    this.isTransient = (error) => {
      try {
        return isTransient(error) === true
      } catch {
        // An error is not transient when the rule throws.
        return false
      }
    }
  }

  /** Ends the count of an event, unless its outcome is a retry. */
  settled(event: ConsumedEvent, outcome: Outcome): Outcome {
    if (outcome._tag !== "RetryAfter") this.#failures.delete(event.sequence)
    return outcome
  }

  failed(
    consumer: string,
    { id, redriven, sequence }: ConsumedEvent,
    error: unknown
  ): Effect.Effect<Outcome> {
    const failures = this.#failures.get(sequence) ?? 0
    const isTransient = this.isTransient(error)
    const delay = this.#delays[failures] ?? (isTransient ? this.#delays.at(-1) ?? 1_000 : undefined)
    this.#failures.delete(sequence)
    // A redriven event is a dead letter already.
    if (delay === undefined || (redriven && !isTransient)) return Effect.succeed(deadLetter(messageOf(error)))
    this.#remember(sequence, failures + 1)
    return Effect.as(
      Effect.logWarning(
        `${consumer}: event ${id} (sequence ${sequence}) failed, next attempt in ${delay / 1_000} s: ${
          messageOf(error)
        }`
      ),
      retryAfter(delay)
    )
  }

  // Another instance may finish an event that failed here, so the number of remembered counts is limited.
  #remember(sequence: number, failures: number): void {
    this.#failures.set(sequence, failures)
    const [oldest] = this.#failures.keys()
    if (this.#failures.size > maxRemembered && oldest !== undefined) this.#failures.delete(oldest)
  }
}

const defaultDelays: ReadonlyArray<number> = [1_000, 10_000, 60_000, 600_000]

const maxRemembered = 100_000
