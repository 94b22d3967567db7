import { Effect } from "effect"
import { messageOf } from "../../Process/Failure.ts"
import { deadLetter, type Outcome, retryAfter } from "../Outcome.ts"
import type { ConsumedEvent } from "./ConsumedEvent.ts"

/** When an event is tried again whose handler failed. */
export interface Retry {
  /**
   * How long to wait after the first failure, the second, and so on, in milliseconds: a second, ten, a minute
   * and ten minutes when undefined. The failure after the last makes a dead letter. Each instance counts its
   * own failures, since it started: an event may be tried more often than that, but never less.
   */
  readonly delays?: ReadonlyArray<number> | undefined
  /**
   * Whether an error says nothing against the event, such as a lost connection. Such an event is tried again
   * for as long as it takes, with the last of the delays, and is no dead letter. No error does when undefined.
   */
  readonly isTransient?: ((error: unknown) => boolean) | undefined
}

/** Counts the failures of each event that was not handled yet, and says what becomes of it. */
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
        // A rule that fails cannot excuse the event.
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
        `${consumer}: event ${id} (sequence ${sequence}) failed, tried again in ${delay / 1_000} s: ${
          messageOf(error)
        }`
      ),
      retryAfter(delay)
    )
  }

  // Another instance may finish an event that failed here. Its count must not stay in memory.
  #remember(sequence: number, failures: number): void {
    this.#failures.set(sequence, failures)
    const [oldest] = this.#failures.keys()
    if (this.#failures.size > maxRemembered && oldest !== undefined) this.#failures.delete(oldest)
  }
}

const defaultDelays: ReadonlyArray<number> = [1_000, 10_000, 60_000, 600_000]

const maxRemembered = 100_000
