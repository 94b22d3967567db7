import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { field, model } from "../../Domain/Documented.ts"
import { InvalidRequest, InvalidStatement, TimedOut, Unavailable } from "./Problems.ts"
import { Text, within } from "./Query.ts"

/** Default number of rows of an answer, and of seconds that a statement may take. */
export const usualRows = 1_000
export const usualSeconds = 10

/** Maximum number of rows of an answer. */
export const mostRows = 10_000

export const SqlRequest = model(
  "SqlRequest",
  "A statement that reads.",
  Schema.Struct({
    statement: field(
      Text.check(Schema.isBetweenLength(1, 20_000)),
      "One `select`, `values`, `table` or `with` statement over the views of the read models.",
      { example: "select country, count(*) from scans group by country" }
    ),
    limit: field(Schema.optional(within(1, mostRows)), "The largest number of rows of the answer.", {
      default: usualRows,
      example: 100
    }),
    timeout_seconds: field(
      Schema.optional(within(1, 60)),
      "How long the statement may take. The embedded database cannot stop a statement. It refuses one that it expects "
        + "to take long.",
      { default: usualSeconds, example: 30 }
    )
  })
)
export type SqlRequest = typeof SqlRequest.Type

const Column = model(
  "SqlColumn",
  "A column of the answer.",
  Schema.Struct({
    name: field(Schema.String, "The name of the column.", { example: "country" }),
    type: field(Schema.String, "The type of the column in Postgres.", { example: "text" })
  })
)

const SqlAnswer = model(
  "SqlRows",
  "The rows that a statement selects.",
  Schema.Struct({
    columns: field(Schema.Array(Column), "The columns, in the order of the statement."),
    rows: field(
      Schema.Array(Schema.Record(Schema.String, Schema.Unknown)),
      "The rows, as objects by the names of the columns."
    ),
    cut: field(
      Schema.NullOr(Schema.Literals(["rows", "bytes"])),
      "Why rows are left out: `rows` for the limit, `bytes` for 8 MiB. Null when every row is here."
    )
  })
)
export type SqlAnswer = typeof SqlAnswer.Type

/** `/v1/sql`: reads the views of the read models with SQL. */
export const SqlApi = HttpApiGroup.make("sql").add(
  HttpApiEndpoint.post("query", "/v1/sql", {
    payload: SqlRequest,
    success: SqlAnswer,
    error: [InvalidRequest, InvalidStatement, TimedOut, Unavailable]
  }).annotate(OpenApi.Summary, "Rows that an SQL statement selects from the read models")
).annotate(
  OpenApi.Description,
  "Reads the views of the read models with SQL. A listener without a token answers 503"
)
