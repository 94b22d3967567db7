import { Buffer } from "node:buffer"

/** A body of so many parts is refused when they have fewer than `leastPart` bytes on average. */
const toleratedParts = 1_024

/** In bytes. A network's segments have more than a thousand. */
const leastPart = 16

/** A request's body as it comes, in one piece of memory: a part of one byte must not cost a hundred. */
export class Body {
  #bytes: Buffer = Buffer.alloc(0)
  #size = 0
  #parts = 0
  readonly #most: number

  /** `most`: the largest size that is added up to, in bytes. */
  constructor(most: number) {
    this.#most = most
  }

  /** In bytes. */
  get size(): number {
    return this.#size
  }

  /** The memory that it takes, in bytes. */
  get held(): number {
    return this.#bytes.length
  }

  /** Whether it comes in parts so small that they cost more time than the body is worth. */
  get isCrumbs(): boolean {
    return this.#parts > toleratedParts + this.#size / leastPart
  }

  /** What has come, not copied. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#size)
  }

  add(part: Buffer): void {
    const size = this.#size + part.length
    this.#parts++
    // Most bodies come in one part, which is kept as it is.
    if (this.#size === 0) this.#bytes = part
    else {
      if (size > this.#bytes.length) {
        const larger = Buffer.allocUnsafe(Math.max(size, Math.min(2 * this.#bytes.length, this.#most)))
        this.#bytes.copy(larger, 0, 0, this.#size)
        this.#bytes = larger
      }
      part.copy(this.#bytes, this.#size)
    }
    this.#size = size
  }

  /** Gives its memory back. */
  clear(): void {
    this.#bytes = Buffer.alloc(0)
    this.#size = 0
  }
}
