import { Clock, Effect, Stream } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { Reconciliation, UnusableExample } from "../../Domain/Reconciliation.ts"
import { toStored } from "../../Domain/StoredText.ts"
import { eventSubject } from "../../EventLog/Names.ts"
import { cutoff } from "../../Projector/Expire.ts"
import { ThreeQpr } from "../../Provider/ThreeQpr.ts"
import { forgottenOf } from "../Erasure/Reminder.ts"
import { type Candidate, judge } from "./Candidate.ts"
import { findMissing } from "./Missing.ts"
import { count, type Counts } from "./Registry.ts"
import { store } from "./Store.ts"

/** Maximum number of repaired scans kept as examples, and of scans that are still missing. */
const mostExamples = 100

/** Maximum number of unusable scans kept as examples. */
const mostUnusable = 20

/**
 * Reads 3QPR's scans once, page by page, and appends the missing ones. An unusable scan is counted and does not stop
 * the pass. If the pass is repeated after an interruption, it counts the scans that it appended before and appends
 * nothing twice.
 */
export const pass = Effect.fn("Reconciliations.pass")(function*<E, R>(
  reconciliation: Reconciliation,
  /** Completes at once while this process holds the reconciliation. Otherwise it never completes. */
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
    repaired_examples: new Array<string>(),
    still_missing_examples: new Array<string>(),
    unusable_examples: new Array<UnusableExample>()
  }
  const noteUnusable = (scan: UnusableExample) => {
    counts.unusable++
    if (counts.unusable_examples.length < mostUnusable) {
      counts.unusable_examples.push({ id: scan.id, reason: scan.reason })
    }
  }
  yield* count(id, counts)
  yield* threeQpr.scans({ since, until, qpr_code_id: qpr_code_id ?? undefined }).pipe(
    Stream.grouped(pageSize),
    Stream.runForEach(Effect.fnUntraced(function*(scans) {
      yield* ours
      const judged = scans.map(judge)
      const wanted = yield* stillWanted(judged.filter((scan) => scan._tag === "Candidate"))
      const unusable = judged.filter((scan) => scan._tag === "Unusable")
      const named = unusable.flatMap(({ id }) => id === null ? [] : [id])
      const { appended, deadLettered, missing } = yield* findMissing(
        [...wanted.map(({ id }) => id), ...named],
        id
      )
      counts.seen += scans.length
      counts.dead_lettered += deadLettered.size
      const note = (scan: string | null, examples: Array<string>) => {
        counts.missing++
        if (scan !== null && examples.length < mostExamples) examples.push(scan)
      }
      const noteStillMissing = (scan: string | null) => note(scan, counts.still_missing_examples)
      const noteRepaired = (scan: string) => {
        note(scan, counts.repaired_examples)
        counts.appended++
      }
      for (const scan of unusable) {
        // Without an id it is impossible to check whether a webhook delivered the scan.
        if (scan.id !== null && !missing.has(scan.id)) continue
        noteStillMissing(scan.id)
        noteUnusable(scan)
      }
      for (const scan of wanted) {
        if (!missing.has(scan.id) && !appended.has(scan.id)) continue
        if (appended.has(scan.id)) noteRepaired(scan.id)
        else if (dry_run) noteStillMissing(scan.id)
        else if (yield* append(scan, id)) noteRepaired(scan.id)
        else {
          noteStillMissing(scan.id)
          noteUnusable({ id: scan.id, reason: "larger than the log accepts" })
        }
      }
      yield* count(id, counts satisfies Counts)
    }))
  )
  if (counts.unusable > 0) {
    const examples = counts.unusable_examples.slice(0, 3).map(({ id, reason }) =>
      `${id ?? "no id"} (${reason})`
    )
    yield* Effect.logWarning(
      `reconciliation ${id}: ${counts.unusable} of 3QPR's scans cannot be used, such as ${
        examples.join(", ")
      }`
    )
  }
})

/** Number of scans that are compared at a time, equal to 3QPR's page size. */
const pageSize = 200

/** Leaves out erased scans and scans that are older than the retention of rows. */
const stillWanted = Effect.fnUntraced(function*(candidates: ReadonlyArray<Candidate>) {
  const forgotten = yield* forgottenOf(candidates)
  const oldest = Date.parse((yield* cutoff) ?? "")
  return candidates.filter(({ id, scannedAt }) =>
    !forgotten.has(id) && !(scannedAt !== undefined && scannedAt < oldest)
  )
})

/** Retries until the event is stored, and records the scan as repaired. Returns false if the log can never store it. */
const append = Effect.fnUntraced(function*(scan: Candidate, reconciliation: number) {
  const sql = yield* SqlClient
  const stored = yield* store({
    ...scan.event,
    subject: eventSubject("scan.created"),
    type: "scan.created",
    reconciledBy: reconciliation,
    receivedAt: yield* Clock.currentTimeMillis
  })
  if (!stored) return false
  yield* sql`insert into reconciled (scan_id, reconciliation) values (${toStored(scan.id)}, ${reconciliation})
    on conflict (scan_id) do update set reconciliation = excluded.reconciliation, appended_at = excluded.appended_at`
  return true
})
