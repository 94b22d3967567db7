/** The longest time in one turn of the event loop, in milliseconds. */
const mostPerTurn = 5

/** Runs actions in their order, for a few milliseconds in one turn of the event loop. */
export class InTurns {
  readonly #actions: Array<() => void> = []

  add(action: () => void): void {
    if (this.#actions.push(action) === 1) this.#runSoon()
  }

  #runSoon(): void {
    // Deno 2.9.6 does not read between two callbacks of `setImmediate`.
    setTimeout(() => {
      const until = performance.now() + mostPerTurn
      while (this.#actions.length > 0 && performance.now() < until) this.#actions.shift()?.()
      if (this.#actions.length > 0) this.#runSoon()
    }, 0)
  }
}
