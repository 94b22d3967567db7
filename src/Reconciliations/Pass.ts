import { Clock, Effect, Schedule, Stream } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { isEventId } from "../Domain/EventId.ts"
import { read } from "../Domain/Reading.ts"
import { EventLog, eventSubject } from "../EventLog.ts"
import { forgottenOf } from "../Forget/Reminder.ts"
import { cutoff } from "../Projector/Expire.ts"
import { type ScanRecord, ThreeQpr } from "../ThreeQpr.ts"
import { findMissing } from "./Missing.ts"
import { count, type Counts, type Reconciliation } from "./Registry.ts"

/** The most ids of missing scans that are kept as examples. */
const mostExamples = 100

/**
 * Goes over 3QPR's scans once, page by page, and appends what is missing. Made again after an interruption
 * it finds and counts what it had appended before, and appends nothing twice.
 */
export const pass = Effect.fn("Reconciliations.pass")(function*<E, R>(
  reconciliation: Reconciliation,
  /** Completes at once as long as it is ours to go on; never when it is not. */
  ours: Effect.Effect<void, E, R>
) {
  const { dry_run, id, qpr_code_id, since, until } = reconciliation
  const threeQpr = yield* ThreeQpr
  const counts = {
    seen: 0,
    missing: 0,
    appended: 0,
    dead_lettered: 0,
    unusable: 0,
    examples: new Array<string>()
  }
  yield* count(id, counts)
  yield* threeQpr.scans({ since, until, qpr_code_id: qpr_code_id ?? undefined }).pipe(
    Stream.grouped(pageSize),
    Stream.runForEach(Effect.fnUntraced(function*(scans) {
      yield* ours
      const forgotten = yield* forgottenOf(scans)
      const kept = yield* cutoff
      const wanted = scans.filter(({ id, scanned_at }) =>
        !forgotten.has(id) && !(kept !== undefined && Date.parse(scanned_at ?? "") < Date.parse(kept))
      )
      const { appended, deadLettered, missing } = yield* findMissing(wanted.map(({ id }) => id), id)
      counts.seen += scans.length
      counts.dead_lettered += deadLettered.size
      for (const scan of wanted) {
        if (!missing.has(scan.id) && !appended.has(scan.id)) continue
        counts.missing++
        if (counts.examples.length < mostExamples) counts.examples.push(scan.id)
        if (appended.has(scan.id)) counts.appended++
        else if (!isUsable(scan)) counts.unusable++
        else if (!dry_run && (yield* append(scan, id))) counts.appended++
        else if (!dry_run) counts.unusable++
      }
      yield* count(id, counts satisfies Counts)
    }))
  )
})

/** Of scans that are compared at a time; a page of 3QPR's. */
const pageSize = 200

/** The event that no webhook brought: its data are the scan as 3QPR's API gives it. */
const eventOf = (scan: ScanRecord) => {
  const name = `reconciled:${scan.id}`
  const id = isEventId(name) ? name : `reconciled:${createHash("sha256").update(scan.id).digest("hex")}`
  return { id, body: Buffer.from(JSON.stringify({ id, event: "scan.created", data: scan })) }
}

const isUsable = (scan: ScanRecord) => read(eventOf(scan).body)._tag === "Event"

/** Appends until it is stored, and records that it was; false when the log can never take it. */
const append = Effect.fnUntraced(function*(scan: ScanRecord, reconciliation: number) {
  const log = yield* EventLog
  const sql = yield* SqlClient
  const { body, id } = eventOf(scan)
  const failure = yield* log.append({
    id,
    subject: eventSubject("scan.created"),
    type: "scan.created",
    body,
    reconciledBy: reconciliation,
    receivedAt: yield* Clock.currentTimeMillis
  }).pipe(
    Effect.tapError(({ message }) => Effect.logWarning(`a reconciled scan is not stored yet: ${message}`)),
    Effect.retry({ while: ({ reason }) => reason !== "too_large", schedule: Schedule.spaced("1 second") }),
    Effect.as(undefined),
    Effect.catch((failure) => Effect.succeed(failure))
  )
  if (failure !== undefined) return false
  yield* sql`insert into reconciled (scan_id, reconciliation) values (${scan.id}, ${reconciliation})
    on conflict (scan_id) do update set reconciliation = excluded.reconciliation, appended_at = excluded.appended_at`
  return true
})
