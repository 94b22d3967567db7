/**
 * Entries that are in flight. Each has a slot, which is used again afterwards. A Map or a Set would keep memory: in V8,
 * an outgrown table that has become old refers to the next one. What was deleted stays alive until the next full
 * collection.
 */
export class SlotMap<A extends object> {
  readonly #places: Array<A | undefined> = []
  readonly #free: Array<number> = []

  get size(): number {
    return this.#places.length - this.#free.length
  }

  /** Its place, until it is deleted. */
  add(value: A): number {
    const place = this.#free.pop() ?? this.#places.length
    this.#places[place] = value
    return place
  }

  at(place: number): A | undefined {
    return this.#places[place]
  }

  /** False when it is not there any more. */
  delete(place: number, value: A): boolean {
    if (this.#places[place] !== value) return false
    this.#places[place] = undefined
    this.#free.push(place)
    return true
  }

  /** In no order. */
  values(): ReadonlyArray<A> {
    return this.#places.filter((value) => value !== undefined)
  }
}
