import type { Sign } from "./Silence.ts"

/** The value that the group's store has under `partition.<n>`. */
export interface PartitionRecord {
  /** The member that owns it; null when it is free. */
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
 * The contents of the store, which need not be a consistent snapshot. A partition can be missing or older than
 * before: its record is being written, or the replica that answers is behind.
 */
export interface Snapshot {
  readonly members: ReadonlyMap<string, Sign>
  readonly partitions: ReadonlyMap<number, Revised>
}

/** A heartbeat of this member that the store has acknowledged. */
export interface Heartbeat {
  /** The time before it was sent. */
  readonly sentAt: number
  readonly revision: number
}

/** Whether a reading has a member's heartbeat. A replica without it can lack other changes, too. */
export const hasHeartbeat = ({ members }: Snapshot, member: string, revision: number): boolean =>
  (members.get(member)?.revision ?? 0) >= revision

/** A write that a member wants to make. `expected` is the revision that the record must have, 0 for no record. */
export type Action =
  | {
    readonly _tag: "Claim" | "Checkpoint" | "Release"
    readonly partition: number
    readonly record: PartitionRecord
    readonly expected: number
    /** How often the member's lease had lapsed when the write was decided. */
    readonly lapses: number
  }
  | { readonly _tag: "Forget"; readonly member: string }
