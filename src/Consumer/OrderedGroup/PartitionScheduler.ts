import type { MemberState } from "./MemberState.ts"
import type { Owned } from "./OwnedPartition.ts"
import { PartitionBuffer, type Placed } from "./PartitionBuffer.ts"

/** An event that has begun; without one it is a redrive that has the turn of its partition. */
export interface RunningEvent<E> {
  readonly owned: Owned
  readonly event: E | undefined
}

/** How it ended: done; to come again after some time; or refused by a fence, so that the owner is looked up first. */
export type End =
  | { readonly _tag: "Done" | "Fenced" }
  | { readonly _tag: "Again"; readonly notBefore: number }

/** Gives each partition of a member its events, strictly one after the other. It has no clock and no I/O. */
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

  /** Follows what the member owns now. Gives what has begun on partitions that are no longer ours. */
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

  /** The events that begin now. */
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

  /** Keeps the next turn of a partition free for `borrow`, until a time. */
  reserve(partition: number, until: number): void {
    this.#reserved.set(partition, until)
  }

  /** Takes the turn of a partition for a redrive; undefined when that is not possible now. */
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

  // An event that began under an earlier ownership of the partition has to end first.
  #take(owned: Owned, event: E | undefined, now: number): RunningEvent<E> | undefined {
    if (this.#begun.has(owned.partition) || !this.member.mayBegin(owned.partition, now)) return undefined
    const begun = { owned, event }
    owned.busy = true
    this.#begun.set(owned.partition, begun)
    return begun
  }
}
