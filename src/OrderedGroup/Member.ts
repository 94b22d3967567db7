import { shareOut } from "./Balance.ts"

/** What the group's store keeps under `partition.<n>`. */
export interface PartitionRecord {
  /** Whose it is; null when nobody's. */
  readonly owner: string | null
  /** The fencing token of the owner; null in the record that claims it, whose revision is the token. */
  readonly token: number | null
  /** All events of the partition up to this sequence are finished. */
  readonly checkpoint: number
}

export interface Revised {
  readonly revision: number
  readonly record: PartitionRecord
}

/**
 * What the store has. It need not be of one moment: a partition may be missing or be older than what was read
 * before, for its record is being written, or the replica that answers is behind.
 */
export interface Snapshot {
  /** The revision of each member's last sign of life. */
  readonly members: ReadonlyMap<string, number>
  readonly partitions: ReadonlyMap<number, Revised>
}

/** What a member wants to be written; `expected` is the revision that must be there, 0 for none. */
export type Action =
  | {
    readonly _tag: "Claim" | "Checkpoint" | "Release"
    readonly partition: number
    readonly record: PartitionRecord
    readonly expected: number
  }
  | { readonly _tag: "Forget"; readonly member: string }

/** A partition that is ours. */
export interface Owned {
  readonly partition: number
  readonly token: number
  /** All events up to this sequence are finished. */
  done: number
  /** Whether an event is being handled. */
  busy: boolean
  /** It is being given to another: nothing begins any more. */
  leaving: boolean
  /** A write of ours was refused: nothing begins until we have read whose it is. */
  doubtful: boolean
  revision: number
  checkpoint: number
}

export interface MemberOptions {
  /** Of this run of this process, never used again. */
  readonly id: string
  readonly partitions: number
  /** Without a sign of life for so long a member is taken for dead, in milliseconds. */
  readonly lease: number
  /** Where a partition begins that nobody ever had: behind this sequence. */
  readonly after: number
}

/**
 * The part of an ordered group that thinks, without clock and I/O: which partitions are ours, when an event may
 * begin, what is to be written. Times are milliseconds of a clock of our own that never goes back; clocks are
 * never compared. What it relies on: a write with an `expected` revision succeeds only on that revision, and
 * revisions of the store only grow.
 *
 * A partition changes hands in one of two ways. Its owner lives: it begins nothing more, finishes, and releases
 * it; only then another claims it. Or its owner has given no sign of life for a lease, as far as the others could
 * look: then it is claimed from under it. The owner has stopped beginning events by then, for it does so a third
 * of a lease earlier; what it was in the middle of is kept from doing harm by the fencing token, and its
 * checkpoints by the revision.
 */
export class Member {
  readonly #options: MemberOptions
  readonly #owned = new Map<number, Owned>()
  /** The newest record of each partition. */
  readonly #records = new Map<number, Revised>()
  /** How long each other member has been silent while we could look. */
  readonly #silence = new Map<string, { revision: number; millis: number }>()
  #lastRead: number | undefined
  #validUntil = Number.NEGATIVE_INFINITY
  #isLeaving = false

  constructor(options: MemberOptions) {
    this.#options = options
  }

  get owned(): ReadonlyMap<number, Owned> {
    return this.#owned
  }

  /** How often to give a sign of life and look, in milliseconds. */
  get tick(): number {
    return this.#options.lease / 5
  }

  /** We gave a sign of life, which the store has; `sentAt` is the time before we sent it. */
  renewed(sentAt: number): void {
    this.#validUntil = Math.max(this.#validUntil, sentAt + this.#options.lease * (2 / 3))
  }

  /** Whether the others cannot have taken us for dead yet. */
  isValid(now: number): boolean {
    return now < this.#validUntil
  }

  /** Whether the next event of a partition may begin. */
  mayBegin(partition: number, now: number): boolean {
    const owned = this.#owned.get(partition)
    return owned !== undefined && !this.#isLeaving && this.isValid(now) && !owned.busy && !owned.leaving &&
      !owned.doubtful
  }

  /** Gives everything back from now on. Through when nothing is owned any more. */
  leave(): void {
    this.#isLeaving = true
  }

  /** Takes in what the store has, and says what is to be written. */
  look(now: number, snapshot: Snapshot): ReadonlyArray<Action> {
    for (const [partition, revised] of snapshot.partitions) this.#learn(partition, revised)
    this.#listen(now, snapshot)
    this.#reconcile()
    const targets = this.#targets(snapshot)
    const excess = this.#keepers().slice(targets.keep)
    for (const owned of excess) owned.leaving = true
    return [
      ...this.#saves(),
      ...(this.isValid(now) ? this.#claims(targets.claim) : []),
      ...this.#forgets()
    ]
  }

  /** A write of ours succeeded, with this revision. */
  wrote(action: Action, revision: number): void {
    if (action._tag === "Forget") return
    const { partition, record } = action
    this.#learn(partition, { revision, record })
    const owned = this.#owned.get(partition)
    if (action._tag === "Claim") {
      // A reading may have told us already, or that it is somebody else's since.
      const isNews = owned?.token !== revision && this.#records.get(partition)?.revision === revision
      return isNews ? this.#take(partition, revision, revision, record.checkpoint) : undefined
    }
    if (owned === undefined || owned.token !== record.token) return
    if (action._tag === "Release") return void this.#owned.delete(partition)
    owned.revision = revision
    owned.checkpoint = record.checkpoint
  }

  /** A write of ours was refused: the revision was another one. */
  refused(action: Action): void {
    if (action._tag === "Forget" || action._tag === "Claim") return
    const owned = this.#owned.get(action.partition)
    if (owned !== undefined) owned.doubtful = true
  }

  #learn(partition: number, revised: Revised): void {
    if (revised.revision > (this.#records.get(partition)?.revision ?? 0)) {
      this.#records.set(partition, revised)
    }
  }

  #listen(now: number, { members }: Snapshot): void {
    // What we could not see while the store was away counts for nobody's silence.
    const elapsed = this.#lastRead === undefined ? 0 : Math.min(now - this.#lastRead, 2 * this.tick)
    this.#lastRead = now
    const owners = [...this.#records.values()].flatMap(({ record }) => record.owner ?? [])
    const known = new Set([...members.keys(), ...owners])
    for (const id of this.#silence.keys()) if (!known.has(id)) this.#silence.delete(id)
    for (const id of known) {
      const revision = members.get(id) ?? 0
      const before = this.#silence.get(id)
      const millis = before?.revision === revision ? before.millis + elapsed : 0
      this.#silence.set(id, { revision, millis })
    }
  }

  /** Whether a member has to be reckoned with. */
  #isAlive(id: string): boolean {
    return id === this.#options.id || (this.#silence.get(id)?.millis ?? Infinity) < this.#options.lease
  }

  #reconcile(): void {
    for (const [partition, { record, revision }] of this.#records) {
      const owned = this.#owned.get(partition)
      if (record.owner !== this.#options.id) {
        this.#owned.delete(partition)
        continue
      }
      const token = record.token ?? revision
      // A claim of which we did not hear that it succeeded.
      if (owned?.token !== token) {
        this.#take(partition, token, revision, record.checkpoint)
        continue
      }
      owned.revision = revision
      owned.checkpoint = record.checkpoint
      owned.doubtful = false
    }
  }

  #take(partition: number, token: number, revision: number, checkpoint: number): void {
    this.#owned.set(partition, {
      partition,
      token,
      revision,
      checkpoint,
      done: checkpoint,
      busy: false,
      leaving: false,
      doubtful: false
    })
  }

  #targets({ members }: Snapshot) {
    const { id } = this.#options
    if (this.#isLeaving) return { keep: 0, claim: [] }
    const free: Array<number> = []
    const counts = new Map(
      [...new Set([...members.keys(), id])].filter((id) => this.#isAlive(id)).map((id) => [id, 0])
    )
    for (let partition = 0; partition < this.#options.partitions; partition++) {
      const owner = this.#records.get(partition)?.record.owner ?? null
      const count = owner === null ? undefined : counts.get(owner)
      if (owner === null || count === undefined) free.push(partition)
      else counts.set(owner, count + 1)
    }
    return shareOut(counts, free, this.#options.partitions, id)
  }

  /** Those that are not being given away, lowest first. */
  #keepers(): ReadonlyArray<Owned> {
    return [...this.#owned.values()].filter(({ leaving }) => !leaving).sort((a, b) =>
      a.partition - b.partition
    )
  }

  #saves(): ReadonlyArray<Action> {
    return [...this.#owned.values()].flatMap((owned): ReadonlyArray<Action> => {
      const { busy, checkpoint, done, doubtful, leaving, partition, revision: expected, token } = owned
      if (doubtful) return []
      if (leaving && !busy) {
        return [{ _tag: "Release", partition, expected, record: { owner: null, token, checkpoint: done } }]
      }
      if (done === checkpoint) return []
      const record = { owner: this.#options.id, token, checkpoint: done }
      return [{ _tag: "Checkpoint", partition, expected, record }]
    })
  }

  #claims(partitions: ReadonlyArray<number>): ReadonlyArray<Action> {
    return partitions.map((partition) => {
      const found = this.#records.get(partition)
      const checkpoint = found?.record.checkpoint ?? this.#options.after
      const record = { owner: this.#options.id, token: null, checkpoint }
      return { _tag: "Claim", partition, record, expected: found?.revision ?? 0 }
    })
  }

  #forgets(): ReadonlyArray<Action> {
    return [...this.#silence].flatMap(([member, { millis, revision }]): ReadonlyArray<Action> =>
      revision > 0 && member !== this.#options.id && millis > 10 * this.#options.lease
        ? [{ _tag: "Forget", member }]
        : []
    )
  }
}
