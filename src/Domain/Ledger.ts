import { Schema } from "effect"

/** What became of entries of the stream in one projection; each entry is in one of them. */
export const LedgerCounts = Schema.Struct({
  stream: Schema.Finite,
  applied: Schema.Finite,
  /** In the stream again under the id of one that was applied. */
  repeated: Schema.Finite,
  /** Dead letters, and those that an operator has discarded. */
  dead_lettered: Schema.Finite,
  quarantined: Schema.Finite,
  /** Of other types. */
  not_mine: Schema.Finite,
  /** In none of the others: its result is unknown. */
  skipped: Schema.Finite,
  /** In more than one of them. */
  double: Schema.Finite
})

/** An entry or a record that should not be as it is. `unexplained`: applied, and not in the stream. */
export const LedgerProblem = Schema.Struct({
  kind: Schema.Literals(["skipped", "double", "unexplained"]),
  sequence: Schema.Finite,
  id: Schema.String
})
export type LedgerProblem = typeof LedgerProblem.Type
