import type { MemberState } from "./MemberState.ts"
import type { Owned } from "./OwnedPartition.ts"
import { PartitionBuffer, type Placed } from "./PartitionBuffer.ts"

/** A running event. Without an event, a redrive occupies the partition. */
export interface RunningEvent<E> {
  readonly owned: Owned
  readonly event: E | undefined
}

/**
 * How a running event ended: done, to be retried after some time, or refused by a fence. After a fence the owner is
 * read first.
 */
export type End =
  | { readonly _tag: "Done" | "Fenced" }
  | { readonly _tag: "Again"; readonly notBefore: number }

/**
 * Schedules the events of a member's partitions, in each partition strictly one after the other. It has no clock and
 * no I/O.
 */
export class PartitionScheduler<E extends Placed> {
  readonly member: MemberState
  readonly buffer = new PartitionBuffer<E>()
  readonly #fed = new Map<number, Owned>()
  readonly #begun = new Map<number, RunningEvent<E>>()
  readonly #notBefore = new WeakMap<Owned, number>()
  readonly #reserved = new Map<number, number>()

  constructor(member: MemberState) {
    this.member = member
  }

  /**
   * Adopts the partitions that the member owns now. Returns the running events of partitions that it no longer owns.
   */
  align(): ReadonlyArray<RunningEvent<E>> {
    const { owned } = this.member
    for (const [partition, one] of this.#fed) {
      if (owned.get(partition) === one) continue
      this.#fed.delete(partition)
      this.buffer.drop(partition)
    }
    for (const [partition, one] of owned) {
      if (this.#fed.has(partition)) continue
      this.#fed.set(partition, one)
      this.buffer.assign(partition, one.done)
    }
    return [...this.#begun.values()].filter(({ owned }) => this.#fed.get(owned.partition) !== owned)
  }

  /** Returns the events that start now. */
  begin(now: number): ReadonlyArray<RunningEvent<E>> {
    const beginning: Array<RunningEvent<E>> = []
    for (const [partition, owned] of this.#fed) {
      if (now < (this.#reserved.get(partition) ?? 0)) continue
      if (!owned.busy) owned.done = Math.max(owned.done, this.buffer.finishedTo(partition) ?? 0)
      const event = this.buffer.next(partition)
      if (event === undefined || now < (this.#notBefore.get(owned) ?? 0)) continue
      const begun = this.#take(owned, event, now)
      if (begun) beginning.push(begun)
    }
    return beginning
  }

  /** Reserves a partition for `borrow`, until a time. */
  reserve(partition: number, until: number): void {
    this.#reserved.set(partition, until)
  }

  /** Takes a partition for a redrive; undefined when that is not possible now. */
  borrow(partition: number, now: number): RunningEvent<E> | undefined {
    const owned = this.#fed.get(partition)
    const begun = owned && this.#take(owned, undefined, now)
    if (begun !== undefined) this.#reserved.delete(partition)
    return begun
  }

  end(begun: RunningEvent<E>, end: End): void {
    const { event, owned } = begun
    this.#begun.delete(owned.partition)
    owned.busy = false
    if (this.#fed.get(owned.partition) !== owned) return
    if (end._tag === "Fenced") this.member.fenced(owned)
    if (event === undefined) return
    if (end._tag === "Again") this.#notBefore.set(owned, end.notBefore)
    if (end._tag !== "Done") return
    this.buffer.done(owned.partition)
    owned.done = this.buffer.finishedTo(owned.partition) ?? owned.done
  }

  // An event that started under an earlier ownership of the partition must end first.
  #take(owned: Owned, event: E | undefined, now: number): RunningEvent<E> | undefined {
    if (this.#begun.has(owned.partition) || !this.member.mayBegin(owned.partition, now)) return undefined
    const begun = { owned, event }
    owned.busy = true
    this.#begun.set(owned.partition, begun)
    return begun
  }
}
