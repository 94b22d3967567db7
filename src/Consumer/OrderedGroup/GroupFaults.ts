import { otherBucket, otherConfig } from "./Agreement.ts"
import type { Contents, GroupConfig } from "./GroupStore.ts"
import type { MemberState } from "./MemberState.ts"
import { looks } from "./OwnedPartition.ts"

/**
 * Why a member of an ordered group handles no event: a fault of the group's store, of the log, or of the member's own
 * partitions. It has no clock and no I/O.
 */
export class GroupFaults {
  readonly #member: MemberState
  /** The configuration with which this member joined. */
  readonly #config: GroupConfig
  /** The creation time of the bucket that this member joined. */
  #created: string | undefined
  #store: string | undefined
  #log: string | undefined = "the event log is not yet compared with the group"
  #failures = 0
  #lastFailure: string | undefined
  #warned: string | undefined

  constructor(member: MemberState, config: GroupConfig) {
    this.#member = member
    this.#config = config
  }

  /** Consecutive failures to read or write the store. */
  get failures(): number {
    return this.#failures
  }

  /** Why no event is handled now; undefined when events are handled. */
  reason(now: number): string | undefined {
    return this.#store ?? this.#log ?? (this.#member.isValid(now)
      ? this.#member.trouble
      : this.#lastFailure ?? "no heartbeat was acknowledged within the lease")
  }

  /**
   * Returns the reason when it must be logged, once for each reason, and null when events are handled again.
   * Otherwise undefined.
   */
  news(now: number): string | null | undefined {
    const reason = this.reason(now)
    // A failure that ends within a lease is not logged.
    const isBrief = reason !== undefined && reason === this.#lastFailure && this.#failures < looks
    if (reason === this.#warned || isBrief) return undefined
    this.#warned = reason
    return reason ?? null
  }

  /** Processes a reading of the store. A stale one can have an old configuration, which is ignored. */
  read({ config, created }: Contents, isFresh: boolean): void {
    this.#created ??= created
    this.#store = otherBucket(this.#created, created)
      ?? (isFresh ? otherConfig(this.#config, config) : this.#store)
    this.#halt()
  }

  bucketMissing(message: string): void {
    this.#store = message
    this.#halt()
  }

  disconnected(): void {
    this.#log =
      "the connection to the broker was lost, and the event log is not yet compared with the group again"
    this.#halt()
  }

  /**
   * Processes a comparison of the log with the group. Returns whether its result is new. The next reading of the
   * store halts or resumes the member.
   */
  compared(fault: string | undefined): boolean {
    const isNew = fault !== this.#log
    this.#log = fault
    return isNew
  }

  succeeded(): void {
    this.#failures = 0
    this.#lastFailure = undefined
  }

  failed(message: string): void {
    this.#failures++
    this.#lastFailure = message
  }

  #halt(): void {
    this.#member.halt(this.#store ?? this.#log)
  }
}
