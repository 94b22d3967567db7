/** A queue of future actions, earliest first. Actions at the same time keep the order in which they were added. */
export class Agenda {
  readonly #heap: Array<{ readonly time: number; readonly order: number; readonly run: () => void }> = []
  #order = 0

  add(time: number, run: () => void): void {
    const heap = this.#heap
    const entry = { time, order: this.#order++, run }
    let at = heap.length
    heap.push(entry)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !isBefore(entry, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = entry
  }

  take() {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    while (true) {
      let child = 2 * at + 1
      const left = heap[child]
      const right = heap[child + 1]
      if (left === undefined) break
      let least = left
      if (right !== undefined && isBefore(right, left)) {
        least = right
        child++
      }
      if (!isBefore(least, last)) break
      heap[at] = least
      at = child
    }
    heap[at] = last
    return first
  }
}

const isBefore = (
  a: { readonly time: number; readonly order: number },
  b: { readonly time: number; readonly order: number }
) => a.time < b.time || (a.time === b.time && a.order < b.order)
