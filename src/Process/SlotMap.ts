/**
 * A collection of entries in flight. Each entry has a slot, which is reused after its deletion. A Map or a Set would
 * retain memory. In V8, an outgrown table that has become old refers to its successor. Deleted entries would stay
 * alive until the next full collection.
 */
export class SlotMap<A extends object> {
  readonly #places: Array<A | undefined> = []
  readonly #free: Array<number> = []

  get size(): number {
    return this.#places.length - this.#free.length
  }

  /** Adds an entry and returns its slot, which is valid until the entry is deleted. */
  add(value: A): number {
    const place = this.#free.pop() ?? this.#places.length
    this.#places[place] = value
    return place
  }

  at(place: number): A | undefined {
    return this.#places[place]
  }

  /** Deletes an entry. Returns false when the slot no longer holds it. */
  delete(place: number, value: A): boolean {
    if (this.#places[place] !== value) return false
    this.#places[place] = undefined
    this.#free.push(place)
    return true
  }

  /** All entries, in no particular order. */
  values(): ReadonlyArray<A> {
    return this.#places.filter((value) => value !== undefined)
  }
}
