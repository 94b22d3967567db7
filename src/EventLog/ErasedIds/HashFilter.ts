/**
 * Number of bits of a hash that select its place. The filter then takes 8 MiB, however many hashes it has. With a
 * million hashes, it has one and a half percent of all others too.
 */
const prefixBits = 26

/**
 * A set of SHA-256 hashes in constant memory. It has every hash that was added. It also has others with the same
 * prefix, so a hit must be confirmed.
 */
export class HashFilter {
  /** Allocated with the first hash, because most systems never erase. */
  #bits: Uint8Array | undefined

  /** Whether no hash was added. */
  get isEmpty(): boolean {
    return this.#bits === undefined
  }

  /** Adds a hash, given in hexadecimal. */
  add(hash: string): void {
    const place = placeOf(hash)
    const bits = this.#bits ??= new Uint8Array(2 ** prefixBits / 8)
    bits[place >>> 3] = (bits[place >>> 3] ?? 0) | 1 << (place & 7)
  }

  has(hash: string): boolean {
    const place = placeOf(hash)
    return ((this.#bits?.[place >>> 3] ?? 0) & 1 << (place & 7)) !== 0
  }
}

/** Seven hexadecimal digits have 28 bits. */
const placeOf = (hash: string) => Number.parseInt(hash.slice(0, 7), 16) >>> 28 - prefixBits
