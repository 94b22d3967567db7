import { assignPartitions } from "./Assignment.ts"
import { type Action, hasHeartbeat, type Heartbeat, type Revised, type Snapshot } from "./GroupRecords.ts"
import { isStuck, isSure, looked, looks, type Owned, ownedSince, stuckReason } from "./OwnedPartition.ts"
import { Silence } from "./Silence.ts"

export interface MemberOptions {
  /** The id of this run of this process. It is never used again. */
  readonly id: string
  readonly partitions: number
  /** A member without a heartbeat for this long counts as dead, in milliseconds. */
  readonly lease: number
  /** A partition without a record starts after this sequence. */
  readonly after: number
}

/**
 * Makes the decisions of a member of an ordered group: which partitions it owns, when an event may start, and what is
 * written. It has no clock and no I/O. Times are milliseconds of a clock that never goes back. Clocks of different
 * members are never compared. It relies on two facts: a write with an `expected` revision succeeds only on that
 * revision, and the revisions of the store only grow.
 *
 * A partition changes its owner in one of two ways. A live owner starts no more events, finishes the running one, and
 * releases the partition. Only then another member claims it. An owner without a heartbeat for its lease loses the
 * partition to a claim. It has stopped starting events a third of a lease earlier. The fencing token refuses its
 * running handler, and the revision refuses its checkpoint.
 *
 * A member that was paused starts nothing when it resumes. It first reads a store that has its own new heartbeat, and
 * therefore every earlier claim. Then it writes each of its partitions. The write defeats a claim that was decided
 * during the pause and has not arrived yet.
 */
export class MemberState {
  readonly #options: MemberOptions
  readonly #owned = new Map<number, Owned>()
  /** The newest record of each partition. */
  readonly #records = new Map<number, Revised>()
  readonly #silence: Silence
  #validUntil = Number.NEGATIVE_INFINITY
  #lapses = 0
  #isLeaving = false
  #halted: string | undefined

  constructor(options: MemberOptions) {
    this.#options = options
    this.#silence = new Silence(options.id, options.lease, 2 * this.tick)
  }

  get owned(): ReadonlyMap<number, Owned> {
    return this.#owned
  }

  /** How often to send a heartbeat and read the store, in milliseconds. */
  get tick(): number {
    return this.#options.lease / looks
  }

  get isLeaving(): boolean {
    return this.#isLeaving
  }

  /** How often this member's lease has lapsed. */
  get lapses(): number {
    return this.#lapses
  }

  /** Why no event may start and no state may be written, whichever partitions the member owns. */
  get halted(): string | undefined {
    return this.#halted
  }

  /** Why owned partitions make no progress, once that has lasted for a lease. */
  get trouble(): string | undefined {
    return stuckReason(this.#owned.values())
  }

  /** Whether the member still owns a partition that it can release in the store. */
  get hasToRelease(): boolean {
    return this.#halted === undefined && [...this.#owned.values()].some((owned) => !isStuck(owned))
  }

  /** Whether the lease is valid: other members cannot consider this one dead yet. */
  isValid(now: number): boolean {
    return now < this.#validUntil
  }

  /** Whether the next event of a partition may start. */
  mayBegin(partition: number, now: number): boolean {
    const owned = this.#owned.get(partition)
    return owned !== undefined && !this.#isLeaving && this.#halted === undefined && this.isValid(now)
      && !owned.busy && !owned.leaving && isSure(owned) && owned.provenIn === this.#lapses
  }

  /** Starts to release all partitions. Leaving is complete when nothing is left to release. */
  leave(): void {
    this.#isLeaving = true
  }

  /** Starts and writes nothing while there is a reason. */
  halt(reason: string | undefined): void {
    if (reason !== undefined && this.#halted === undefined) this.#lapses++
    this.#halted = reason
  }

  /** Records that a fence has refused a running event, because a newer owner exists. */
  fenced(owned: Owned): void {
    owned.doubt = owned.revision
  }

  /** Processes a reading of the store that was made after a heartbeat. Returns the writes to make. */
  look(now: number, snapshot: Snapshot, heartbeat: Heartbeat): ReadonlyArray<Action> {
    if (!this.isValid(now)) this.#lapses++
    for (const [partition, revised] of snapshot.partitions) this.#learn(partition, revised)
    // A replica without this member's heartbeat can also lack a claim on its partitions and the heartbeats of others.
    const isFresh = hasHeartbeat(snapshot, this.#options.id, heartbeat.revision)
    if (isFresh) {
      this.#validUntil = Math.max(this.#validUntil, heartbeat.sentAt + this.#options.lease * (2 / 3))
      const owners = [...this.#records.values()].flatMap(({ record }) => record.owner ?? [])
      this.#silence.listen(now, snapshot.members, owners)
    }
    this.#reconcile()
    if (isFresh) this.#doubt(snapshot)
    if (this.#halted !== undefined) return []
    if (!isFresh) return this.#saves()
    const targets = this.#targets(snapshot)
    const excess = this.#keepers().slice(targets.keep)
    for (const owned of excess) owned.leaving = true
    return [
      ...this.#saves(),
      ...(this.isValid(now) ? this.#claims(targets.claim) : []),
      ...this.#silence.gone.map((member) => ({ _tag: "Forget" as const, member }))
    ]
  }

  /** Processes a write that has succeeded, with its new revision. */
  wrote(action: Action, revision: number): void {
    if (action._tag === "Forget") return
    const { lapses, partition, record } = action
    this.#learn(partition, { revision, record })
    const owned = this.#owned.get(partition)
    if (action._tag === "Claim") {
      // A reading may have shown the claim already, or a newer claim of another member.
      const isNews = owned?.token !== revision && this.#records.get(partition)?.revision === revision
      return isNews ? this.#take(partition, revision, revision, record.checkpoint, lapses) : undefined
    }
    if (owned === undefined || owned.token !== record.token) return
    if (action._tag === "Release") return void this.#owned.delete(partition)
    owned.revision = revision
    owned.checkpoint = record.checkpoint
    owned.provenIn = Math.max(owned.provenIn, lapses)
  }

  /** Processes a write that was refused, because the record had another revision. */
  refused(action: Action): void {
    if (action._tag === "Forget" || action._tag === "Claim") return
    const owned = this.#owned.get(action.partition)
    if (owned !== undefined) owned.doubt = Math.max(owned.doubt ?? 0, action.expected)
  }

  #learn(partition: number, revised: Revised): void {
    if (revised.revision > (this.#records.get(partition)?.revision ?? 0)) {
      this.#records.set(partition, revised)
    }
  }

  #reconcile(): void {
    for (const [partition, { record, revision }] of this.#records) {
      const owned = this.#owned.get(partition)
      if (record.owner !== this.#options.id) {
        this.#owned.delete(partition)
        continue
      }
      const token = record.token ?? revision
      // The claim succeeded, but its answer was lost.
      if (owned?.token !== token) {
        this.#take(partition, token, revision, record.checkpoint, 0)
        continue
      }
      owned.revision = revision
      owned.checkpoint = record.checkpoint
      if (owned.doubt !== undefined && revision > owned.doubt) owned.doubt = undefined
    }
  }

  /** Counts the consecutive readings in which an owned partition had no reliable record. */
  #doubt({ partitions }: Snapshot): void {
    for (const owned of this.#owned.values()) {
      looked(owned, partitions.has(owned.partition))
    }
  }

  #take(partition: number, token: number, revision: number, checkpoint: number, provenIn: number): void {
    this.#owned.set(partition, ownedSince({ partition, token, revision, checkpoint, provenIn }))
  }

  #targets({ members }: Snapshot) {
    const { id } = this.#options
    if (this.#isLeaving) return { keep: 0, claim: [] }
    const free: Array<number> = []
    const counts = new Map(
      [...new Set([...members.keys(), id])].filter((id) => this.#silence.isAlive(id)).map((id) => [id, 0])
    )
    for (let partition = 0; partition < this.#options.partitions; partition++) {
      const owner = this.#records.get(partition)?.record.owner ?? null
      const count = owner === null ? undefined : counts.get(owner)
      if (owner === null || count === undefined) free.push(partition)
      else counts.set(owner, count + 1)
    }
    return assignPartitions(counts, free, this.#options.partitions, id)
  }

  /** The owned partitions that are not being released, lowest first. */
  #keepers(): ReadonlyArray<Owned> {
    return [...this.#owned.values()].filter(({ leaving }) => !leaving).sort((a, b) =>
      a.partition - b.partition
    )
  }

  #saves(): ReadonlyArray<Action> {
    const lapses = this.#lapses
    return [...this.#owned.values()].flatMap((owned): ReadonlyArray<Action> => {
      const { busy, checkpoint, done, doubt, leaving, partition, provenIn, revision: expected, token } = owned
      if (doubt !== undefined) return []
      if (leaving && !busy) {
        const record = { owner: null, token, checkpoint: done }
        return [{ _tag: "Release", partition, expected, record, lapses }]
      }
      if (done === checkpoint && provenIn === lapses) return []
      const record = { owner: this.#options.id, token, checkpoint: done }
      return [{ _tag: "Checkpoint", partition, expected, record, lapses }]
    })
  }

  #claims(partitions: ReadonlyArray<number>): ReadonlyArray<Action> {
    return partitions.map((partition) => {
      const found = this.#records.get(partition)
      const checkpoint = found?.record.checkpoint ?? this.#options.after
      const record = { owner: this.#options.id, token: null, checkpoint }
      return { _tag: "Claim", partition, record, expected: found?.revision ?? 0, lapses: this.#lapses }
    })
  }
}
