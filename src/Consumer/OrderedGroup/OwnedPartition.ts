/** Looks in a row that may miss a record: it may be about to be written. */
const missable = 1

/** Looks in a lease. */
export const looks = 5

/** A partition that is ours. */
export interface Owned {
  readonly partition: number
  readonly token: number
  /** All events up to this sequence are finished. */
  done: number
  /** Whether an event is being handled. */
  busy: boolean
  /** It is being given to another member: nothing begins any more. */
  leaving: boolean
  /** A write or a handler was refused: nothing begins before a record above this revision was read. */
  doubt: number | undefined
  /** A write that was decided after so many lapses of our lease has succeeded. */
  provenIn: number
  /** Looks in a row that did not find its record. */
  missing: number
  /** Looks in a row that left it doubtful or without a record. */
  unsure: number
  revision: number
  checkpoint: number
}

/** A partition that has just become ours. */
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

/** Whether nothing about the record of a partition keeps its next event from beginning. */
export const isSure = ({ doubt, missing }: Owned) => doubt === undefined && missing <= missable

/** Counts a look at the store that found the record of a partition of ours, or not. */
export const looked = (owned: Owned, isThere: boolean): void => {
  owned.missing = isThere ? 0 : owned.missing + 1
  owned.unsure = isSure(owned) ? 0 : owned.unsure + 1
}

/** Whether the record of a partition of ours has been refused or gone for a lease. */
export const isStuck = ({ unsure }: Owned) => unsure >= looks

/** Why partitions of ours make no progress, once that has lasted for a lease; undefined when none is stuck. */
export const stuckReason = (all: Iterable<Owned>): string | undefined => {
  const stuck = [...all].filter(isStuck)
  if (stuck.length === 0) return undefined
  const lost = stuck.some(({ missing }) => missing > missable)
    ? "are missing from the group's bucket"
    : "are not the ones that the group's bucket last gave us, or a fence has a newer owner"
  return `the records of the partitions ${stuck.map(({ partition }) => partition).join(", ")} ${lost}, so `
    + "nothing begins there. The bucket was purged, restored or created again. Restore it, or give the "
    + "consumer another name"
}
