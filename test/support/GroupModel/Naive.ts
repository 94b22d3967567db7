import type { Heartbeat, Snapshot } from "../../../src/Consumer/OrderedGroup/GroupRecords.ts"
import { type MemberOptions, MemberState } from "../../../src/Consumer/OrderedGroup/MemberState.ts"

/** Rules of the protocol that a member leaves out. */
export interface Naivety {
  /** A heartbeat renews the lease before the member has read the store. */
  readonly renewsEarly?: boolean
  /** A partition is no longer in doubt after the next reading, whatever it contains. */
  readonly forgetsDoubt?: boolean
  /** A reading counts even without the member's own heartbeat. */
  readonly trustsAnyReplica?: boolean
  /** A member that was stalled begins events without a write that proves its ownership. */
  readonly provesNothing?: boolean
}

/** A member that leaves out the planted rules. */
export const memberOf = (options: MemberOptions, planted: Naivety): MemberState => new Naive(options, planted)

class Naive extends MemberState {
  readonly #options: MemberOptions
  readonly #planted: Naivety
  #earlyUntil = Number.NEGATIVE_INFINITY

  constructor(options: MemberOptions, planted: Naivety) {
    super(options)
    this.#options = options
    this.#planted = planted
  }

  renewed(sentAt: number): void {
    if (this.#planted.renewsEarly) this.#earlyUntil = sentAt + this.#options.lease * (2 / 3)
  }

  override isValid(now: number): boolean {
    return super.isValid(now) || now < this.#earlyUntil
  }

  override look(now: number, snapshot: Snapshot, heartbeat: Heartbeat) {
    const { forgetsDoubt, provesNothing, trustsAnyReplica } = this.#planted
    const actions = super.look(now, snapshot, trustsAnyReplica ? { ...heartbeat, revision: 0 } : heartbeat)
    for (const owned of this.owned.values()) {
      if (forgetsDoubt) owned.doubt = undefined
      if (provesNothing) owned.provenIn = this.lapses
    }
    return actions
  }
}
