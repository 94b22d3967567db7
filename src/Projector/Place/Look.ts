import type { Comparison } from "./LogIdentity.ts"
import type { Standstill } from "./Place.ts"

/** What a look at the place of a generation comes to. */
export interface Look {
  /** Whether its events may be applied. */
  readonly runs: boolean
  /** Whether its durable consumer was deleted, so that its run has to create it again. */
  readonly restart: boolean
  /** Why nothing may be applied from the log that is there. */
  readonly otherLog: string | undefined
  /** Why the generation is not what the log says. */
  readonly fault: string | undefined
}

/** What is remembered of a generation between two looks. */
export interface Seen {
  comparison: Comparison | undefined
  /** The connection to the broker during which the log was compared. */
  connection: number
  accountedAt: number
  /** Events that the durable consumer had to deliver. */
  pending: number
  /** Applied events that the log lacked at the last account, and what was said of them. */
  unexplained: number
  surplus: string | undefined
  /** The numbers of the readings from the log that this process saw begin since nothing was missing. */
  readonly replays: Set<number>
  /** Since when reading again has not brought what is missing. */
  lostAt: number
  standstill: Standstill | undefined
  /** Since when the place cannot be read, in milliseconds of the monotonic clock; undefined when it can. */
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
  unreadableSince: undefined,
  look: { runs: false, restart: false, otherLog: undefined, fault: undefined }
})

/** A generation whose events may be applied, of which nothing else is to say. */
export const running: Look = { runs: true, restart: false, otherLog: undefined, fault: undefined }
