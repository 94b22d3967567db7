import { Schema } from "effect"

const Text = Schema.NullOr(Schema.String)

/** A row that differs: its key and, when both sides have it, the columns that differ, as text. */
export const Example = Schema.Struct({
  kind: Schema.Literals(["only_live", "only_rebuilt", "different"]),
  key: Schema.Record(Schema.String, Schema.Unknown),
  columns: Schema.Record(Schema.String, Schema.Struct({ live: Text, rebuilt: Text }))
})
export type Example = typeof Example.Type

/** How a table of the live read model compares with the one that was built from the log. */
export const TableComparison = Schema.Struct({
  equal: Schema.Boolean,
  rows: Schema.Struct({ live: Schema.Finite, rebuilt: Schema.Finite }),
  /** Over all rows in any order and all columns that both have. */
  hash: Schema.Struct({ live: Schema.String, rebuilt: Schema.String }),
  /** Columns that one of them does not have. */
  other_columns: Schema.Array(Schema.String),
  only_live: Schema.Finite,
  only_rebuilt: Schema.Finite,
  different: Schema.Finite,
  examples: Schema.Array(Example)
})
export type TableComparison = typeof TableComparison.Type
