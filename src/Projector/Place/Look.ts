import type { Comparison } from "./LogIdentity.ts"
import type { Standstill } from "./Place.ts"

/** The result of a check of a generation's place in the log. */
export interface Look {
  /** Whether its events may be applied. */
  readonly runs: boolean
  /** Whether its durable consumer was deleted, so that its run has to create it again. */
  readonly restart: boolean
  /** Why nothing may be applied from the current log. */
  readonly otherLog: string | undefined
  /** Why the generation does not match the log. */
  readonly fault: string | undefined
}

/** The state of a generation between two checks. */
export interface Seen {
  comparison: Comparison | undefined
  /** The number of the broker connection on which the log was compared. */
  connection: number
  accountedAt: number
  /** Events that the durable consumer had not delivered yet. */
  pending: number
  /** Applied events that the log lacked at the last account, and the fault that was reported. */
  unexplained: number
  surplus: string | undefined
  /** The numbers of the replays that this process saw start since the last account without missing events. */
  readonly replays: Set<number>
  /** Time since which events are missing even after a replay. */
  lostAt: number
  standstill: Standstill | undefined
  /** Time of the first check. */
  seenAt: number | undefined
  /** When the durable consumer was created, undefined while it is absent, and since when this is so. */
  durable: { readonly created: string | undefined; readonly since: number } | undefined
  /** Number of repairs of an edited durable consumer in quick succession, and the time of the last one. */
  repairs: number
  repairedAt: number
  /** Time since which the place cannot be read, in milliseconds of the monotonic clock; undefined when it can. */
  unreadableSince: number | undefined
  look: Look
}

export const nothingSeen = (): Seen => ({
  comparison: undefined,
  connection: 0,
  accountedAt: -Infinity,
  pending: 0,
  unexplained: 0,
  surplus: undefined,
  replays: new Set(),
  lostAt: Infinity,
  standstill: undefined,
  seenAt: undefined,
  durable: undefined,
  repairs: 0,
  repairedAt: -Infinity,
  unreadableSince: undefined,
  look: { runs: false, restart: false, otherLog: undefined, fault: undefined }
})

/** A generation whose events may be applied, without a fault. */
export const running: Look = { runs: true, restart: false, otherLog: undefined, fault: undefined }
