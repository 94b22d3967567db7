import { Effect } from "effect"
import type { EventSummary } from "../../../Admin/Api/Events.ts"
import { AdminClient } from "../../../Admin/Client.ts"
import type { Entry, Ledger } from "../Ledger.ts"

/** The end of a receiver's log at some time. */
export interface Position {
  /** When the log was created. Another time means another log. */
  readonly created: string
  readonly sequence: number
}

/** How a receiver's event log differs from what it accepted: ids, or `sha256:…` of a forged body. */
export interface LogDifferences {
  /** Number of accepted events that were checked. */
  readonly checked: number
  readonly lost: ReadonlyArray<string>
  readonly stored_twice: ReadonlyArray<string>
  /** Events whose id is stored, but with other bytes than the accepted ones. */
  readonly other_bytes: ReadonlyArray<string>
  /** Events whose bytes are stored under another id, type or reason of quarantine. */
  readonly misfiled: ReadonlyArray<string>
  readonly forged_stored: ReadonlyArray<string>
}

/** Reads the log after a position to its end and compares it. Events from other senders are ignored. */
export const compareLog = Effect.fnUntraced(function*(ledger: Ledger, from: Position) {
  const ours = new Map(ledger.entries.map((entry) => [entry.sha256, entry]))
  const ids = new Map(ledger.entries.map((entry) => [entry.id, entry]))
  const forged = new Set(ledger.forged.map(({ sha256 }) => sha256))
  const seen = new Map<string, number>()
  const misfiled = new Set<string>()
  const otherBytes = new Set<string>()
  const forgedStored: Array<string> = []
  const lastSequences = new Map<string, number>()

  const compare = (row: EventSummary) => {
    const entry = ours.get(row.sha256)
    if (forged.has(row.sha256)) forgedStored.push(`sha256:${row.sha256}`)
    else if (entry !== undefined) {
      seen.set(row.sha256, (seen.get(row.sha256) ?? 0) + 1)
      if (!isFiled(row, entry)) misfiled.add(entry.id)
      if (entry.quarantined === null) lastSequences.set(entry.type, row.sequence)
    } else if (ids.has(row.id)) otherBytes.add(row.id)
  }

  yield* forEachRow(from, compare)
  const accepted = [
    ...new Map(
      ledger.entries.filter(({ state }) => state === "accepted").map((entry) => [entry.sha256, entry])
    ).values()
  ]
  return {
    checked: accepted.length,
    lost: accepted.filter(({ sha256 }) => !seen.has(sha256)).map(({ id }) => id),
    stored_twice: [...seen].flatMap(([sha256, times]) => times > 1 ? [ours.get(sha256)?.id ?? sha256] : []),
    other_bytes: [...otherBytes],
    misfiled: [...misfiled],
    forged_stored: forgedStored,
    /** By type, the sequence of the last event of the run. */
    lastSequences
  }
})

const isFiled = (row: EventSummary, entry: Entry) =>
  row.id === entry.id && row.quarantined === entry.quarantined
  && (entry.quarantined !== null || row.type === entry.type)

const forEachRow = Effect.fnUntraced(function*(from: Position, use: (row: EventSummary) => void) {
  const client = yield* AdminClient
  let more = true
  for (let after = from.sequence; more;) {
    const page = yield* client.events.list({ query: { after, limit: 1_000 } })
    // Another log contains none of the accepted events.
    if (page.log.created !== from.created) return
    page.events.forEach(use)
    more = page.more
    after = page.cursor
  }
})
