/** Maximum batch size. Larger batches are not faster. */
export const largest = 2_000

/** Initial batch size, until the duration of a batch is known. */
const first = 500

/** Minimum batch size. Smaller batches do not reduce latency. */
const smallest = 50

/**
 * Adapts the batch size to what the database applies in about a quarter of a second. Larger batches are cheaper,
 * because their events share counters. But a long batch makes other transactions wait. The broker delivers its events
 * again when it takes longer than the ack wait.
 */
export class BatchSize {
  #now = first

  get now(): number {
    return this.#now
  }

  /** Reports how many events a batch applied, and its duration in milliseconds. */
  took(events: number, millis: number): void {
    if (millis > 500) this.#now = Math.max(smallest, Math.floor(this.#now / 2))
    else if (millis < 250 && events >= this.#now) this.#now = Math.min(largest, this.#now * 2)
  }
}
