/** A histogram of durations in milliseconds. Its buckets are 5 % wide, so that its memory is bounded. */
export class Latency {
  readonly #counts = new Map<number, number>()
  #count = 0
  #max = 0

  add(millis: number): void {
    const bucket = millis < smallest ? 0 : 1 + Math.floor(Math.log(millis / smallest) / width)
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + 1)
    this.#count++
    this.#max = Math.max(this.#max, millis)
  }

  /** The duration that this share of all durations did not exceed, at most 5 % too long; null without durations. */
  quantile(share: number): number | null {
    if (this.#count === 0) return null
    let left = Math.max(1, Math.ceil(share * this.#count))
    for (const [bucket, count] of [...this.#counts].sort(([a], [b]) => a - b)) {
      left -= count
      if (left <= 0) return Math.min(this.#max, smallest * Math.exp(width * bucket))
    }
    return this.#max
  }

  get max(): number | null {
    return this.#count === 0 ? null : this.#max
  }
}

const smallest = 0.1
const width = Math.log(1.05)
