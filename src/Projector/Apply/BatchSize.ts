/** The most events of a batch: more gain nothing. */
export const largest = 2_000

/** With so many a batch begins, before its time is known. */
const first = 500

/** Fewer are no gain in time. */
const smallest = 50

/**
 * How many events a batch takes: as many as the database applies in about a quarter of a second. Larger batches are
 * cheaper, because their events share counters. But a long one keeps others waiting, and is delivered again when it takes
 * longer than the broker waits for its acknowledgement.
 */
export class BatchSize {
  #now = first

  get now(): number {
    return this.#now
  }

  /** A batch of so many events was applied within this time, in milliseconds. */
  took(events: number, millis: number): void {
    if (millis > 500) this.#now = Math.max(smallest, Math.floor(this.#now / 2))
    else if (millis < 250 && events >= this.#now) this.#now = Math.min(largest, this.#now * 2)
  }
}
