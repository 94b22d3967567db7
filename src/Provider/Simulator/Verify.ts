import { Effect, Schema } from "effect"
import { AdminClient, AdminUnreachable } from "../../Admin/Client.ts"
import type { Simulation } from "./Engine.ts"
import type { Entry } from "./Ledger.ts"
import { compareLog, type LogDifferences, type Position } from "./Verify/Log.ts"
import { caughtUp } from "./Verify/VerifyProjections.ts"
import { compareRows, type RowDifferences } from "./Verify/VerifyRows.ts"

/** The differences between what a receiver has stored and what it has accepted. Lists contain ids. */
export interface Comparison {
  /** No difference, and at least one event compared. */
  readonly clean: boolean
  readonly log: LogDifferences
  /**
   * Whether the projections had applied all events of the run when the rows were read; otherwise what was pending.
   */
  readonly projections: string
  readonly scans: RowDifferences
  readonly conversations: RowDifferences
}

/** The receiver could not be queried. */
export class VerificationFailed
  extends Schema.TaggedError<VerificationFailed>()("VerificationFailed", { message: Schema.String })
{}

/** The current end of the receiver's log. Read it before a run, to compare from there after the run. */
export const position = Effect.gen(function*() {
  const client = yield* AdminClient
  const { log } = yield* client.events.list({ query: { limit: 1 } })
  return { created: log.created, sequence: log.last_sequence } satisfies Position
}).pipe(Effect.mapError((error) => failure(error)))

/**
 * Compares what the receiver has stored with what it has accepted: its event log after `from`, byte for byte, and its
 * read models, field by field. The read models are read when the projections have caught up, or have made no progress
 * for 15 seconds.
 */
export const verify = Effect.fn("Simulator.verify")(function*(simulation: Simulation, from: Position) {
  const { ledger, plan } = simulation
  const log = yield* compareLog(ledger, from)
  const projections = yield* caughtUp(log.lastSequences)
  const accepted = (type: string) =>
    ledger.entries.filter((entry) =>
      entry.type === type && entry.state === "accepted" && entry.quarantined === null
    )
  const dataOf = (entry: Entry) => Effect.map(plan(entry.index), ({ data }) => data)
  const client = yield* AdminClient
  const scans = yield* compareRows(accepted("scan.created"), dataOf, {
    time: "scanned_at",
    page: (query) => Effect.map(client.scans.list({ query }), ({ scans, total }) => ({ rows: scans, total })),
    get: (id) => client.scans.get({ params: { id }, query: {} })
  })
  const conversations = yield* compareRows(accepted("conversation.completed"), dataOf, {
    time: "completed_at",
    page: (query) =>
      Effect.map(
        client.conversations.list({ query }),
        ({ conversations, total }) => ({ rows: conversations, total })
      ),
    get: (id) => client.conversations.get({ params: { id }, query: {} })
  })
  const { lastSequences: _, ...differences } = log
  return {
    clean: log.checked > 0 && isClean(differences) && isClean(scans) && isClean(conversations),
    log: differences,
    projections,
    scans,
    conversations
  } satisfies Comparison
}, Effect.mapError((error) => failure(error)))

const isClean = (differences: LogDifferences | RowDifferences) =>
  Object.values(differences).every((difference) => typeof difference === "number" || difference.length === 0)

const failure = (error: unknown) =>
  new VerificationFailed({
    message: error instanceof AdminUnreachable
      ? error.message
      : `The private listener cannot report the stored events: ${
        error instanceof Error && error.message !== "" ? error.message : String(error)
      }`
  })
