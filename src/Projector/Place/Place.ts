import type { Position } from "./Position.ts"

/** What the database has stored about the log that a generation was built from. */
export interface Memory {
  /** Creation time of the log; null until a projector has compared the log with the rows. */
  readonly created: string | null
  /** The highest sequence that is applied or accounted for; 0 for none. */
  readonly highest: number
  /** Sequences with their event ids, the newest applied event among them. */
  readonly marks: ReadonlyArray<Position>
}

/** The current state of the log. */
export interface LogNow {
  readonly created: string
  readonly lastSequence: number
  /** The ids of the entries at the marks. Gaps are left out: an entry can be erased or too old. */
  readonly ids: ReadonlyMap<number, string>
}

/**
 * `same`: the rows were built from this log. `adopt`: they were too, but its creation time is not stored yet.
 * `other`: they were built from another log.
 */
export type LogVerdict =
  | { readonly _tag: "same" }
  | { readonly _tag: "adopt" }
  | { readonly _tag: "other"; readonly reason: string }

/**
 * Compares a generation with the log. The content decides: a restored log can have another creation time, and another
 * log can have the same one. The creation time decides when no content can be compared.
 */
export const judgeLog = ({ created, highest, marks }: Memory, now: LogNow): LogVerdict => {
  if (highest > now.lastSequence) {
    return other(
      `the event log ends at sequence ${now.lastSequence}, but the rows were built from events up to sequence `
        + `${highest}. The log was restored from an older copy, was created again, or lost its newest entries`
    )
  }
  const found = marks.filter(({ sequence }) => now.ids.has(sequence))
  const strange = found.find(({ id, sequence }) => now.ids.get(sequence) !== id)
  if (strange !== undefined) {
    return other(
      `sequence ${strange.sequence} of the event log is event ${
        now.ids.get(strange.sequence)
      }, but the rows were `
        + `built from event ${strange.id} there. The log was restored from an older copy or created again`
    )
  }
  if (created === now.created) return { _tag: "same" }
  if (found.length > 0 || created === null || highest === 0) return { _tag: "adopt" }
  return other(
    `the event log (created ${now.created}) is not the one that the rows were built from (created ${created})`
  )
}

const other = (reason: string): LogVerdict => ({ _tag: "other", reason })

/** Message that states why nothing is applied from this log, with both remedies. */
export const refusal = (name: string, reason: string) =>
  `${reason}, so no event is applied. Restore the old log and projection continues, or build from the present `
  + `log: \`threeqpr projections rebuild ${name} --accept-new-log\``

/** A durable consumer, with the database that it feeds and the settings that can hide events. */
export interface DurableNow {
  readonly owner: string | undefined
  readonly faults: ReadonlyArray<string>
}

/** `claim`: it was created before durable consumers named their database. Its name assigns it to this database. */
export type DurableVerdict = "absent" | "ours" | "claim" | "edited" | "foreign"

export const judgeDurable = (database: string, durable: DurableNow | undefined): DurableVerdict => {
  if (durable === undefined) return "absent"
  if (durable.owner !== undefined && durable.owner !== database) return "foreign"
  if (durable.faults.length > 0) return "edited"
  return durable.owner === undefined ? "claim" : "ours"
}

/** Message for the operator about a durable consumer that is absent for `millis`. */
export const absent = ({ durable }: { readonly durable: string }, millis: number) =>
  `the durable consumer ${durable} does not exist for ${
    (millis / 1_000).toFixed(0)
  } seconds, so no event is applied. `
  + "The log of the projectors says why it cannot be created. Check the limits of the broker and our credentials"

/**
 * The pause before the next repair of a durable consumer that is edited again and again, in milliseconds. The first two
 * repairs do not wait.
 */
export const pauseBefore = (repairs: number, longest: number) =>
  repairs < 2 ? 0 : Math.min(longest, longest / 6 * 2 ** (repairs - 2))

/** Message for the operator about a durable consumer that is edited again and again. */
export const changedAgain = (durable: string, faults: ReadonlyArray<string>, repairs: number) =>
  `the durable consumer ${durable} would not deliver every event: ${
    faults.join("; ")
  }. It was created again ${repairs} `
  + "times, and each time another program changed it: an older version of this program, or a tool that manages "
  + "consumers. Stop that program. Until then the durable consumer is created again twice a minute at most"

/** What a durable consumer has delivered and finished. */
export interface Deliveries {
  /** Delivered and not acknowledged yet. */
  readonly inFlight: number
  /** Pull requests that wait for events. */
  readonly requests: number
  /** Deliveries so far, redeliveries included. */
  readonly deliveries: number
  readonly finishedTo: number
}

/** Deliveries that have not changed since a time, in milliseconds of the monotonic clock. */
export interface Standstill extends Deliveries {
  readonly since: number
}

/**
 * Detects that a durable consumer makes no progress: events are in flight and pull requests wait, but no event is
 * delivered again or acknowledged. Undefined when it makes progress. Without a waiting pull request the fault is in
 * the consuming processes.
 */
export const standstill = (
  before: Standstill | undefined,
  { deliveries, finishedTo, inFlight, requests }: Deliveries,
  now: number
): Standstill | undefined => {
  if (inFlight === 0 || requests === 0) return undefined
  const isSame = before?.deliveries === deliveries && before.inFlight === inFlight
    && before.finishedTo === finishedTo
  return { deliveries, finishedTo, inFlight, requests, since: isSame ? before.since : now }
}

/** How far a generation has accounted for the log, as stored in the database. */
export interface Progress {
  /** Every entry up to this sequence is accounted for. */
  readonly checkpoint: number
  /** The log is read again up to this sequence, because entries were missing; null when none were. */
  readonly replayed_to: number | null
  /** Number of replays since the last account without missing events. */
  readonly replays: number
}

/** The result of an account. */
export interface Counted {
  /** The durable consumer has finished everything up to this sequence. */
  readonly position: number
  /** Entries were counted up to this sequence. It is after the position while the log is read again. */
  readonly upTo: number
  readonly missing: number
}

export type AccountVerdict =
  | { readonly _tag: "level"; readonly checkpoint: number }
  /** The log is still being read again. */
  | { readonly _tag: "replaying"; readonly missing: number }
  /** The log has to be read again, after the sequence `after`. */
  | { readonly _tag: "replay"; readonly after: number; readonly missing: number }
  /** The events are still missing after the whole log was read again. */
  | { readonly _tag: "lost"; readonly missing: number }

/**
 * Decides what follows from an account. When events are missing, first the log after the checkpoint is read again,
 * then the whole log.
 */
export const judgeAccount = (
  { checkpoint, replayed_to, replays }: Progress,
  { missing, position, upTo }: Counted
): AccountVerdict => {
  if (missing === 0) return { _tag: "level", checkpoint: Math.max(checkpoint, upTo) }
  if (replayed_to !== null && position < replayed_to) return { _tag: "replaying", missing }
  if (replays >= 2 || (replays === 1 && checkpoint === 0)) return { _tag: "lost", missing }
  return { _tag: "replay", after: replays === 0 ? checkpoint : 0, missing }
}

/**
 * How long events may be lost before the log is read again, in milliseconds. The cause of a failed replay, such as a
 * database that was replaced meanwhile, may be gone by then.
 */
export const patience = (replays: number) => Math.min(3_600_000, 30_000 * 2 ** Math.max(0, replays - 2))

/** Message for the operator about an account; undefined when every entry is accounted for. */
export const shortage = (name: string, verdict: AccountVerdict) => {
  switch (verdict._tag) {
    case "level":
      return undefined
    case "replay":
    case "replaying":
      return `${verdict.missing} missing: the database is behind the position of its durable consumer, so these `
        + "events are read again from the log"
    case "lost":
      return `${verdict.missing} missing: reading the log again did not restore these events. It is read again after `
        + "30 seconds, and then after twice as long each time, up to an hour. "
        + `\`threeqpr projections verify ${name} --ledger\` names them, \`threeqpr projections rebuild ${name}\` `
        + "builds the read model from the log. Databases that are copies of each other must not share a broker"
  }
}

/** Message for the operator about applied events that the log does not hold. */
export const surplus = (name: string, unexplained: number) =>
  `${unexplained} events are applied but are not in the log: they were deleted from it, or it lost them. `
  + `\`threeqpr projections verify ${name} --ledger\` names them, \`threeqpr projections rebuild ${name} `
  + "--accept-new-log` rebuilds the read model from the log"
