import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { field, model } from "../../Domain/Documented.ts"
import { InvalidRequest, NotApplied, NotFound, Unavailable } from "./Problems.ts"
import { limitOf, Text, waitFor } from "./Query.ts"

const ModelAnswer = model(
  "Model",
  "A read model that the file of PROJECTIONS defines.",
  Schema.Struct({
    name: field(Schema.String, "The name of the read model, and of its view in SQL.", {
      example: "countries"
    }),
    version: field(Schema.Finite, "The version of its definition."),
    live_version: field(
      Schema.NullOr(Schema.Finite),
      "The version that built its rows; null before a projector has installed it."
    ),
    types: field(Schema.Array(Schema.String), "The types of events that it consumes."),
    key: field(Schema.Array(Schema.String), "The columns that identify a row."),
    columns: field(Schema.Record(Schema.String, Schema.String), "The type of each column, by its name."),
    filters: field(Schema.Array(Schema.String), "The columns by which its rows can be filtered.")
  })
)

const ModelsAnswer = model(
  "ModelList",
  "The read models that the file of PROJECTIONS defines.",
  Schema.Struct({ models: field(Schema.Array(ModelAnswer), "The read models.") })
)

const ModelRows = model(
  "ModelPage",
  "A page of rows of a read model.",
  Schema.Struct({
    rows: field(
      Schema.Array(Schema.Record(Schema.String, Schema.Unknown)),
      "The rows, in the order of their key. Each has its columns, `event_id` and `sequence`."
    ),
    limit: field(Schema.Finite, "The largest number of rows of the page."),
    next_cursor: field(
      Schema.NullOr(Schema.String),
      "The `cursor` of the next page; null on the last page."
    )
  })
)

/** The page of rows, and filters named `where.<column>`. */
export const ModelQuery = Schema.StructWithRest(
  Schema.Struct({
    limit: limitOf(200),
    cursor: field(Schema.optional(Schema.NonEmptyString), "The `next_cursor` of the page before.", {
      example: "WyJDSCJd"
    }),
    ...waitFor
  }),
  [Schema.Record(Schema.TemplateLiteral(["where.", Schema.String]), Schema.String)]
)
export type ModelQuery = typeof ModelQuery.Type

/** Describes the filters as one form parameter, because their names are not known here. */
const withFilters = (operation: Readonly<Record<string, unknown>>) => ({
  ...operation,
  parameters: [...Array.isArray(operation["parameters"]) ? operation["parameters"] : [], {
    name: "where",
    in: "query",
    required: false,
    description:
      "`where.<column>=<value>`: rows whose column has this value. `filters` of the model names the columns.",
    style: "form",
    explode: true,
    example: { "where.country": "CH" },
    schema: {
      type: "object",
      patternProperties: { "^where[.]": { type: "string" } },
      additionalProperties: false
    }
  }]
})

/** `/v1/models`: read models of the user's own. */
export const ModelsApi = HttpApiGroup.make("models").add(
  HttpApiEndpoint.get("list", "/v1/models", { success: ModelsAnswer, error: Unavailable }).annotate(
    OpenApi.Summary,
    "The read models that PROJECTIONS defines"
  ),
  HttpApiEndpoint.get("rows", "/v1/models/:name", {
    params: Schema.Struct({ name: field(Text, "The name of the read model.", { example: "countries" }) }),
    query: ModelQuery,
    success: ModelRows,
    error: [InvalidRequest, NotApplied, NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "Rows of one of them, in the order of the key").annotate(
    OpenApi.Transform,
    withFilters
  )
).annotate(OpenApi.Description, "Read models that the file of PROJECTIONS defines")
