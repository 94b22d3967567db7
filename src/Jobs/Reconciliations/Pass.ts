import { Effect, Stream } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { Reconciliation } from "../../Domain/Reconciliation.ts"
import { toStored } from "../../Domain/StoredText.ts"
import { cutoff } from "../../Projector/Expire.ts"
import { ThreeQpr } from "../../Provider/ThreeQpr.ts"
import { forgottenOf } from "../Erasure/Reminder.ts"
import { type Candidate, judge } from "./Candidate.ts"
import { findMissing } from "./Missing.ts"
import { count } from "./Registry.ts"
import { store } from "./Store.ts"
import { Tally } from "./Tally.ts"

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
  const { id, qpr_code_id, since, until } = reconciliation
  const threeQpr = yield* ThreeQpr
  const tally = new Tally()
  yield* count(id, tally.counts)
  yield* threeQpr.scans({ since, until, qpr_code_id: qpr_code_id ?? undefined }).pipe(
    Stream.grouped(pageSize),
    Stream.runForEach(Effect.fnUntraced(function*(scans) {
      yield* ours
      yield* compare(scans, reconciliation, tally)
      yield* count(id, tally.counts)
    }))
  )
  const { unusable, unusable_examples } = tally.counts
  if (unusable > 0) {
    const examples = unusable_examples.slice(0, 3).map(({ id, reason }) => `${id ?? "no id"} (${reason})`)
    yield* Effect.logWarning(
      `reconciliation ${id}: ${unusable} of 3QPR's scans cannot be used, such as ${examples.join(", ")}`
    )
  }
})

/** Compares a page of scans with the log, appends the missing ones unless it is a dry run, and counts the results. */
const compare = Effect.fnUntraced(function*(
  scans: ReadonlyArray<unknown>,
  { dry_run, id }: Reconciliation,
  tally: Tally
) {
  const judged = scans.map(judge)
  const wanted = yield* stillWanted(judged.filter((scan) => scan._tag === "Candidate"))
  const unusable = judged.filter((scan) => scan._tag === "Unusable")
  const named = unusable.flatMap(({ id }) => id === null ? [] : [id])
  const { appended, deadLettered, missing } = yield* findMissing(
    [...wanted.map(({ id }) => id), ...named],
    id
  )
  tally.seen(scans.length, deadLettered.size)
  for (const scan of unusable) {
    // Without an id it is impossible to check whether a webhook delivered the scan.
    if (scan.id === null || missing.has(scan.id)) tally.unusable(scan)
  }
  for (const scan of wanted) {
    if (appended.has(scan.id)) tally.repaired(scan.id)
    else if (!missing.has(scan.id)) continue
    else if (dry_run) tally.stillMissing(scan.id)
    else if (yield* append(scan, id)) tally.repaired(scan.id)
    else tally.unusable({ id: scan.id, reason: "larger than the log accepts" })
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
  if (!(yield* store(scan.event, "scan.created", reconciliation))) return false
  yield* sql`insert into reconciled (scan_id, reconciliation) values (${toStored(scan.id)}, ${reconciliation})
    on conflict (scan_id) do update set reconciliation = excluded.reconciliation, appended_at = excluded.appended_at`
  return true
})
