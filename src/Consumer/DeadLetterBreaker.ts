import { Context, Effect } from "effect"
import type { Delivered } from "../EventLog/Delivered.ts"
import { type Outcome, retryAfter } from "./Outcome.ts"

/** Number of the last settled events that are considered. An event that the broker delivers again counts once. */
export const window = 1_000

/** Up to this many dead letters in the window do not stop dead-lettering, whatever their share is. */
export const tolerated = 50

/** More than this share of the window stops dead-lettering. */
export const share = 0.1

/** Pause between batches while dead-lettering has stopped. Each batch then costs many transactions. */
export const pauseLimited = "2 seconds"

/** Delay before an event is retried that exceeds the limit of dead letters, in milliseconds. */
export const retryLimited = 30_000

/** `retryLimited`, unless something else is provided. */
export const RetryLimited = Context.Reference<number>("threeqpr-events/Consumer/RetryLimited", {
  defaultValue: () => retryLimited
})

/**
 * Circuit breaker that prevents a bad deployment from turning every event into a dead letter. It opens when
 * `tolerated` of the last `window` events are dead letters and one more would exceed `share`. A failing event is then
 * retried later, until enough others succeed. Redriven events are not limited, because they are already dead letters.
 */
export class DeadLetterBreaker {
  /** Whether each event is a dead letter, by sequence. The event that was settled last is the last entry. */
  readonly #settled = new Map<number, boolean>()
  #dead = 0
  #last: string | undefined
  readonly #types: ReadonlyArray<string> | undefined

  readonly #retry: number

  /** Events of these types count; all when undefined. An event that exceeds the limit is retried after `retry` ms. */
  constructor(types?: ReadonlyArray<string>, retry = retryLimited) {
    this.#types = types
    this.#retry = retry
  }

  /** Awaited before each batch. */
  readonly pause = Effect.suspend(() => this.#last === undefined ? Effect.void : Effect.sleep(pauseLimited))

  /** Why dead-lettering has stopped, and what to do; undefined while it continues. */
  get reason(): string | undefined {
    if (this.#last === undefined) return undefined
    return `${this.#dead} of the last ${this.#settled.size} events are dead letters, so further failing events `
      + `stay in the log and are retried every ${this.#retry / 1_000} s. No event is skipped. Run `
      + "`threeqpr dead-letters list`, deploy a fix and restart, then `threeqpr dead-letters redrive`. The last "
      + `error: ${this.#last}`
  }

  /** Returns the outcomes of a batch, with a retry instead of each dead letter that exceeds the limit. */
  settle(batch: ReadonlyArray<Delivered>, outcomes: ReadonlyArray<Outcome>) {
    return Effect.suspend(() => {
      const before = this.reason
      const limited = this.#limited(batch, outcomes)
      return this.reason === undefined || before !== undefined
        ? Effect.succeed(limited)
        : Effect.as(Effect.logError(`dead-lettering has stopped: ${this.reason}`), limited)
    })
  }

  #limited(batch: ReadonlyArray<Delivered>, outcomes: ReadonlyArray<Outcome>): ReadonlyArray<Outcome> {
    for (const [at, outcome] of outcomes.entries()) {
      const event = batch[at]
      if (outcome._tag === "Ack" && event !== undefined && this.#counts(event.type)) {
        this.#record(event.sequence, false)
      }
    }
    return outcomes.map((outcome, at) => {
      const event = batch[at]
      if (outcome._tag !== "DeadLetter" || event === undefined || event.redriven) return outcome
      const isCounted = this.#settled.get(event.sequence) === true
      if (!isCounted && !this.#allows()) {
        this.#last = outcome.error
        return retryAfter(this.#retry)
      }
      this.#record(event.sequence, true)
      return outcome
    })
  }

  #counts(type: string): boolean {
    return this.#types === undefined || this.#types.includes(type)
  }

  #allows(): boolean {
    return this.#dead < tolerated || (this.#dead + 1) / Math.min(window, this.#settled.size + 1) <= share
  }

  /** The broker delivers an event again when its batch takes longer than the ack wait. Its last outcome counts. */
  #record(sequence: number, dead: boolean): void {
    this.#remove(sequence)
    this.#settled.set(sequence, dead)
    if (dead) this.#dead++
    const [first = sequence] = this.#settled.keys()
    if (this.#settled.size > window) this.#remove(first)
    if (this.#allows()) this.#last = undefined
  }

  #remove(sequence: number): void {
    if (this.#settled.get(sequence) === true) this.#dead--
    this.#settled.delete(sequence)
  }
}
