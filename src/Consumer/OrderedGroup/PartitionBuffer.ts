/** An item with a sequence in the log. */
export interface Placed {
  readonly sequence: number
  /** In bytes. */
  readonly size: number
}

interface Waiting<E> {
  readonly events: Array<E>
  /** All events of the partition up to this sequence are in `events`, or were. */
  readTo: number
}

/** Maximum number of waiting events per partition. A full partition is read again when it has room. */
const capacity = 128

/**
 * A partition with fewer events than this needs more. The value is low, so that one reading serves many partitions.
 */
const low = 16

/** Maximum size of the events of all partitions together, in bytes. One event of each is always allowed. */
const capacityBytes = 32 * 1024 * 1024

/**
 * Buffers the events that were read for the partitions of a member and wait to be handled. One reading serves all
 * partitions. A partition that is slow, or was assigned late, falls behind. Readings from an earlier sequence let it
 * catch up.
 */
export class PartitionBuffer<E extends Placed> {
  readonly #waiting = new Map<number, Waiting<E>>()
  #bytes = 0

  /** Adds a partition whose events start after a sequence. */
  assign(partition: number, after: number): void {
    this.drop(partition)
    this.#waiting.set(partition, { events: [], readTo: after })
  }

  drop(partition: number): void {
    for (const { size } of this.#waiting.get(partition)?.events ?? []) this.#bytes -= size
    this.#waiting.delete(partition)
  }

  /** The sequence after which to read next; undefined when no partition has room. */
  get after(): number | undefined {
    const open = [...this.#waiting.values()].filter((waiting) => this.#hasRoom(waiting, low))
    return open.length === 0 ? undefined : Math.min(...open.map(({ readTo }) => readTo))
  }

  /** Adds the result of a reading: all events after `after` up to `upTo`, in order, with their partitions. */
  offer(after: number, upTo: number, events: ReadonlyArray<readonly [partition: number, event: E]>): void {
    const behind = [...this.#waiting.values()].filter(({ readTo }) => readTo < after)
    for (const [partition, event] of events) {
      const waiting = this.#waiting.get(partition)
      if (waiting === undefined || behind.includes(waiting) || event.sequence <= waiting.readTo) continue
      if (!this.#hasRoom(waiting, capacity)) {
        behind.push(waiting)
        continue
      }
      waiting.events.push(event)
      this.#bytes += event.size
      waiting.readTo = event.sequence
    }
    for (const waiting of this.#waiting.values()) {
      if (!behind.includes(waiting)) waiting.readTo = Math.max(waiting.readTo, upTo)
    }
  }

  /** The next event of a partition, which stays the next until it is done. */
  next(partition: number): E | undefined {
    return this.#waiting.get(partition)?.events[0]
  }

  /** Removes the next event of a partition, because it is done. */
  done(partition: number): void {
    this.#bytes -= this.#waiting.get(partition)?.events.shift()?.size ?? 0
  }

  /** The sequence up to which all of a partition is done; undefined when the partition is not assigned. */
  finishedTo(partition: number): number | undefined {
    const waiting = this.#waiting.get(partition)
    if (waiting === undefined) return undefined
    const next = waiting.events[0]
    return next === undefined ? waiting.readTo : next.sequence - 1
  }

  #hasRoom({ events }: Waiting<E>, room: number): boolean {
    return events.length < room && (this.#bytes < capacityBytes || events.length === 0)
  }
}
