import { Buffer } from "node:buffer"

/** A body may have this many parts, and one more for each `leastPart` bytes. A body with more parts is refused. */
const toleratedParts = 1_024

/** In bytes. A network segment has more than a thousand. */
const leastPart = 16

/** Counts the parts of a body. */
export class Parts {
  #size = 0
  #count = 0

  /** Number of bytes received. */
  get size(): number {
    return this.#size
  }

  /** Whether the parts are so small that they cost more time than the body is worth. */
  get areCrumbs(): boolean {
    return this.#count > toleratedParts + this.#size / leastPart
  }

  add(bytes: number): void {
    this.#size += bytes
    this.#count++
  }
}

/**
 * The body of a request, collected in one buffer. Keeping each part separately would cost a hundred bytes for a part
 * of one.
 */
export class Body {
  #bytes: Buffer = Buffer.alloc(0)
  #size = 0
  readonly #parts = new Parts()
  readonly #most: number

  /** `most`: the largest size that the body can reach, in bytes. */
  constructor(most: number) {
    this.#most = most
  }

  /** Number of bytes received. */
  get size(): number {
    return this.#size
  }

  /** Size of the buffer in bytes. */
  get held(): number {
    return this.#bytes.length
  }

  /** Whether the parts are so small that they cost more time than the body is worth. */
  get isCrumbs(): boolean {
    return this.#parts.areCrumbs
  }

  /** The bytes received so far, not copied. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#size)
  }

  add(part: Buffer): void {
    const size = this.#size + part.length
    this.#parts.add(part.length)
    // Most bodies arrive in one part, which is used without a copy.
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

  /** Releases the memory. */
  clear(): void {
    this.#bytes = Buffer.alloc(0)
    this.#size = 0
  }
}
