/** A member's newest heartbeat. */
export interface Sign {
  readonly revision: number
  /** The member's own lease in milliseconds; undefined from a version that does not state it. */
  readonly lease?: number | undefined
}

/** Measures how long the other members of a group have been silent while the store could be read. */
export class Silence {
  readonly #self: string
  readonly #lease: number
  readonly #longest: number
  readonly #members = new Map<string, { revision: number; millis: number; lease: number }>()
  #lastRead: number | undefined

  /** At most `longest` milliseconds count between two readings. */
  constructor(self: string, lease: number, longest: number) {
    this.#self = self
    this.#lease = lease
    this.#longest = longest
  }

  /** Processes a reading of the heartbeats. An owner of a partition counts as a member even without a heartbeat. */
  listen(now: number, members: ReadonlyMap<string, Sign>, owners: ReadonlyArray<string>): void {
    // Time during which the store was unreachable does not count as missed heartbeats.
    const elapsed = this.#lastRead === undefined ? 0 : Math.min(now - this.#lastRead, this.#longest)
    this.#lastRead = now
    const known = new Set([...members.keys(), ...owners])
    for (const id of this.#members.keys()) if (!known.has(id)) this.#members.delete(id)
    for (const id of known) {
      const { lease, revision = 0 } = members.get(id) ?? {}
      const before = this.#members.get(id)
      const millis = before?.revision === revision ? before.millis + elapsed : 0
      this.#members.set(id, { revision, millis, lease: lease ?? before?.lease ?? this.#lease })
    }
  }

  /** Whether a member may still start events. Each member is judged by its own lease. */
  isAlive(id: string): boolean {
    const silence = this.#members.get(id)
    return id === this.#self || (silence !== undefined && silence.millis < silence.lease)
  }

  /** Members whose heartbeats can be removed. */
  get gone(): ReadonlyArray<string> {
    return [...this.#members].flatMap(([id, { lease, millis, revision }]) =>
      revision > 0 && id !== this.#self && millis > 10 * lease ? [id] : []
    )
  }
}
