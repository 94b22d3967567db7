import { Schema } from "effect"

const Text = Schema.NullOr(Schema.String)

/** A scan that cannot be used. */
export const UnusableExample = Schema.Struct({
  /** Null when it has no id that can be looked up. */
  id: Schema.NullOr(Schema.String),
  reason: Schema.String
})
export type UnusableExample = typeof UnusableExample.Type

const Ids = Schema.Array(Schema.String)

/** What a reconciliation keeps of the scans that were missing. */
export const exampleFields = {
  /** The first ids of repaired scans; at most 100. */
  repaired_examples: Ids,
  /** The first ids of scans that are still missing; at most 100. */
  still_missing_examples: Ids,
  /** The first unusable scans and why; at most 20. */
  unusable_examples: Schema.Array(UnusableExample)
}

/** State of a reconciliation; it continues by itself while `running`. */
const State = Schema.Literals(["running", "done", "cancelled", "failed"])

/** A comparison of 3QPR's scans of some time with ours, and the repair of what is missing. */
export const Reconciliation = Schema.Struct({
  id: Schema.Finite,
  state: State,
  /** ISO 8601; scans from `since` until `until`. */
  since: Schema.String,
  until: Schema.String,
  /** Of this code only; null is all. */
  qpr_code_id: Text,
  /** Counts and appends nothing. */
  dry_run: Schema.Boolean,
  /** By `serve` itself. */
  scheduled: Schema.Boolean,
  requested_by: Schema.String,
  requested_at: Schema.String,
  started_at: Text,
  finished_at: Text,
  /** Scans that 3QPR has. */
  seen: Schema.Finite,
  /** Of those, the ones that were missing when they were compared, because no webhook delivered them. */
  missing: Schema.Finite,
  /** Of the missing, the ones that are repaired: they are in the event log now. */
  appended: Schema.Finite,
  /** Of the missing, the ones that are still missing. */
  still_missing: Schema.Finite,
  /** In the log, and kept aside as dead letters: a redrive brings them back, not a reconciliation. */
  dead_lettered: Schema.Finite,
  /** Not comparable or not appended, because they are no event that the log and the database can take. */
  unusable: Schema.Finite,
  /** Codes that 3QPR's list has. */
  codes_seen: Schema.Finite,
  /** Of those, the ones whose name, status or metadata the read model did not have. */
  codes_outdated: Schema.Finite,
  /** Of the outdated, the ones that are in the event log now. */
  codes_appended: Schema.Finite,
  codes_unusable: Schema.Finite,
  /** Why the codes could not be compared. The scans were compared all the same. */
  codes_error: Text,
  ...exampleFields,
  /** Why it failed, or what it waits for. */
  error: Text
})
export type Reconciliation = typeof Reconciliation.Type
