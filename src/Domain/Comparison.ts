import { Schema } from "effect"
import { field, model } from "./Documented.ts"

const Text = Schema.NullOr(Schema.String)

const Values = model(
  "ComparedValues",
  "A column of one row in both tables, as text.",
  Schema.Struct({
    live: field(Text, "The value in the live read model."),
    rebuilt: field(Text, "The value in the table that was built from the log.")
  })
)

const Rows = model(
  "ComparedRows",
  "The number of rows of both tables.",
  Schema.Struct({
    live: field(Schema.Finite, "Rows of the live read model."),
    rebuilt: field(Schema.Finite, "Rows of the table that was built from the log.")
  })
)

const Hashes = model(
  "ComparedHashes",
  "A hash over all rows, in any order, and over all columns that both tables have.",
  Schema.Struct({
    live: field(Schema.String, "The hash of the live read model."),
    rebuilt: field(Schema.String, "The hash of the table that was built from the log.")
  })
)

export const Example = model(
  "DifferentRow",
  "A row that differs between the live read model and the log.",
  Schema.Struct({
    kind: field(
      Schema.Literals(["only_live", "only_rebuilt", "different"]),
      "Which table has the row; `different` when both have it."
    ),
    key: field(Schema.Record(Schema.String, Schema.Unknown), "The primary key of the row, by column."),
    columns: field(
      Schema.Record(Schema.String, Values),
      "The columns that differ, when both tables have the row."
    )
  })
)
export type Example = typeof Example.Type

export const TableComparison = model(
  "TableComparison",
  "How a table of the live read model compares with the table that was built from the log.",
  Schema.Struct({
    equal: field(Schema.Boolean, "Whether both tables hold the same rows."),
    rows: field(Rows, "The number of rows of both tables."),
    hash: field(Hashes, "The hashes of both tables."),
    other_columns: field(Schema.Array(Schema.String), "Columns that only one of the tables has."),
    only_live: field(Schema.Finite, "The number of rows that only the live read model has."),
    only_rebuilt: field(Schema.Finite, "The number of rows that only the table from the log has."),
    different: field(Schema.Finite, "The number of rows that both tables have with different values."),
    examples: field(Schema.Array(Example), "The first rows that differ.")
  })
)
export type TableComparison = typeof TableComparison.Type
