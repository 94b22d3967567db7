/** Number of consecutive readings that may lack a record, because it may be about to be written. */
const missable = 1

/** Number of readings per lease. */
export const looks = 5

/** A partition that this member owns. */
export interface Owned {
  readonly partition: number
  readonly token: number
  /** All events up to this sequence are finished. */
  done: number
  /** Whether an event is being handled. */
  busy: boolean
  /** Whether it is being released to another member. No further event starts. */
  leaving: boolean
  /** Set when a write or a handler was refused. No event starts before a record above this revision is read. */
  doubt: number | undefined
  /** The number of lapses of the lease at which a write that has succeeded was decided. */
  provenIn: number
  /** Consecutive readings that did not find its record. */
  missing: number
  /** Consecutive readings after which it was in doubt or without a record. */
  unsure: number
  revision: number
  checkpoint: number
}

/** The state of a partition that this member has just claimed. */
export const ownedSince = (
  fields: Pick<Owned, "partition" | "token" | "revision" | "checkpoint" | "provenIn">
): Owned => ({
  ...fields,
  done: fields.checkpoint,
  busy: false,
  leaving: false,
  doubt: undefined,
  missing: 0,
  unsure: 0
})

/** Whether the record of a partition allows its next event to start. */
export const isSure = ({ doubt, missing }: Owned) => doubt === undefined && missing <= missable

/** Counts a reading of the store that found the record of an owned partition, or did not. */
export const looked = (owned: Owned, isThere: boolean): void => {
  owned.missing = isThere ? 0 : owned.missing + 1
  owned.unsure = isSure(owned) ? 0 : owned.unsure + 1
}

/** Whether the record of an owned partition has been refused or missing for a lease. */
export const isStuck = ({ unsure }: Owned) => unsure >= looks

/** Why owned partitions make no progress, once that has lasted for a lease; undefined when none is stuck. */
export const stuckReason = (all: Iterable<Owned>): string | undefined => {
  const stuck = [...all].filter(isStuck)
  if (stuck.length === 0) return undefined
  const lost = stuck.some(({ missing }) => missing > missable)
    ? "are missing from the group's bucket"
    : "differ from those that the group's bucket last returned, or a fence has a newer owner"
  return `the records of the partitions ${stuck.map(({ partition }) => partition).join(", ")} ${lost}, so `
    + "none of their events is handled. The bucket was purged, restored or created again. Restore it, or use "
    + "another consumer name"
}
