import { Schema } from "effect"
import { field, model } from "./Documented.ts"

/** The results that an entry of the stream can have in one projection. Each entry has exactly one. */
export const LedgerCounts = model(
  "LedgerCounts",
  "How many entries of this page of the stream ended in each way.",
  Schema.Struct({
    stream: field(Schema.Finite, "All entries."),
    applied: field(Schema.Finite, "Entries that the projection has applied."),
    repeated: field(Schema.Finite, "Entries under the id of an event that was applied before."),
    dead_lettered: field(Schema.Finite, "Dead letters, and dead letters that an operator has discarded."),
    quarantined: field(Schema.Finite, "Entries in quarantine."),
    not_mine: field(Schema.Finite, "Entries of types that the projection does not consume."),
    skipped: field(Schema.Finite, "Entries whose result is unknown. It should be 0."),
    double: field(Schema.Finite, "Entries with more than one result. It should be 0.")
  })
)

export const LedgerProblem = model(
  "LedgerProblem",
  "An entry or a record that the ledger cannot explain.",
  Schema.Struct({
    kind: field(
      Schema.Literals(["skipped", "double", "unexplained"]),
      "`skipped`: no result is known. `double`: there are several. `unexplained`: it is applied, and not in the stream."
    ),
    sequence: field(Schema.Finite, "The position in the stream."),
    id: field(Schema.String, "The id of the event.")
  })
)
export type LedgerProblem = typeof LedgerProblem.Type
