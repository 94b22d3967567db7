import { Clock, Effect } from "effect"
import type { Delivered } from "../../EventLog/Delivered.ts"

/** How long a handler may take before its consumer is no longer healthy, in milliseconds. */
export const defaultProgressWithin = 300_000

/** The events whose handlers are running, with the time of their start. */
export class InHand {
  readonly #within: number
  readonly #begun = new Map<object, { readonly what: string; readonly at: bigint }>()

  constructor(within = defaultProgressWithin) {
    this.#within = within
  }

  /** Tracks the events until the work ends, also by a failure or an interruption. */
  readonly during = <A, E, R>(
    [first, ...others]: ReadonlyArray<Pick<Delivered, "id" | "sequence">>,
    work: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R> =>
    Effect.flatMap(Clock.currentTimeNanos, (at) => {
      const turn = {}
      const what = `event ${first?.id} (sequence ${first?.sequence})`
      this.#begun.set(turn, { what: others.length === 0 ? what : `${what} and ${others.length} others`, at })
      return Effect.ensuring(work, Effect.sync(() => void this.#begun.delete(turn)))
    })

  /** Why the consumer makes no progress, if a handler has run for too long. */
  readonly stuck: Effect.Effect<string | undefined> = Effect.map(Clock.currentTimeNanos, (now) => {
    for (const { at, what } of this.#begun.values()) {
      const millis = Number(now - at) / 1e6
      if (millis > this.#within) {
        return `the handler of ${what} has not ended for ${Math.round(millis / 1_000)} s. A handler may take `
          + `${this.#within / 1_000} s (\`progressWithin\`). Later events are waiting`
      }
    }
    return undefined
  })
}
