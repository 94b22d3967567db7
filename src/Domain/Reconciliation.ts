import { Schema } from "effect"
import { field, model } from "./Documented.ts"

const Text = Schema.NullOr(Schema.String)

export const UnusableExample = model(
  "UnusableScan",
  "A scan from 3QPR that cannot be used.",
  Schema.Struct({
    id: field(Text, "The id of the scan; null when it has no usable id."),
    reason: field(Schema.String, "Why the scan cannot be used.")
  })
)
export type UnusableExample = typeof UnusableExample.Type

const Ids = Schema.Array(Schema.String)

/** Examples of missing scans that a reconciliation stores. */
export const exampleFields = {
  repaired_examples: field(Ids, "The first ids of repaired scans; at most 100."),
  still_missing_examples: field(Ids, "The first ids of scans that are still missing; at most 100."),
  unusable_examples: field(Schema.Array(UnusableExample), "The first unusable scans; at most 20.")
}

const State = Schema.Literals(["running", "done", "cancelled", "failed"])

/** A comparison of 3QPR's scans and codes with the event log, and the repair of missing ones. */
export const Reconciliation = model(
  "Reconciliation",
  "A comparison of 3QPR's scans and codes with the event log, and the repair of what is missing.",
  Schema.Struct({
    id: field(Schema.Finite, "The id of the reconciliation."),
    state: field(State, "The state. A reconciliation continues by itself while it is `running`."),
    since: field(Schema.String, "Scans from this time are compared (ISO 8601, inclusive)."),
    until: field(Schema.String, "Scans until this time are compared (ISO 8601, exclusive)."),
    qpr_code_id: field(Text, "Only scans of this code are compared; null compares all."),
    dry_run: field(Schema.Boolean, "Whether it only counts, and appends nothing."),
    scheduled: field(Schema.Boolean, "Whether the schedule of `serve` started it."),
    requested_by: field(Schema.String, "Who requested it."),
    requested_at: field(Schema.String, "When it was requested."),
    started_at: field(Text, "When it started; null until then."),
    finished_at: field(Text, "When it ended; null until then."),
    seen: field(Schema.Finite, "Scans that 3QPR has."),
    missing: field(
      Schema.Finite,
      "Scans that were missing when they were compared, because no webhook delivered them."
    ),
    appended: field(Schema.Finite, "Missing scans that are repaired: they are in the event log now."),
    still_missing: field(Schema.Finite, "Missing scans that are not repaired."),
    dead_lettered: field(
      Schema.Finite,
      "Scans in the log that are dead letters. A redrive repairs them; a reconciliation does not."
    ),
    unusable: field(Schema.Finite, "Scans that the event log or the database cannot store."),
    codes_seen: field(Schema.Finite, "Codes of 3QPR's list."),
    codes_outdated: field(
      Schema.Finite,
      "Codes whose name, status or metadata was out of date in the read model."
    ),
    codes_appended: field(Schema.Finite, "Outdated codes that are in the event log now."),
    codes_unusable: field(Schema.Finite, "Codes that the event log or the database cannot store."),
    codes_error: field(Text, "Why the codes could not be compared; the scans are compared nevertheless."),
    ...exampleFields,
    error: field(Text, "Why it failed, or why it is waiting.")
  })
)
export type Reconciliation = typeof Reconciliation.Type
