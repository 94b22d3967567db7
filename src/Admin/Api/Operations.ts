import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { field, model } from "../../Domain/Documented.ts"
import { Kind, Outcome } from "../../Domain/Operation.ts"
import { NotFound, Unavailable } from "./Problems.ts"
import { limitOf, position, Text } from "./Query.ts"

export const By = field(
  Text.check(Schema.isNonEmpty(), Schema.isMaxLength(200)),
  "Who sends the request: a person or a program. The name is recorded.",
  { example: "ops@example.com" }
)

/** The maximum number of events that an operation handles a second. */
export const Rate = (usual: number) =>
  field(
    Schema.optional(Schema.Finite.check(Schema.isBetween({ minimum: 0.1, maximum: 100_000 }))),
    "The highest number of events a second.",
    { default: usual, example: 50 }
  )

export const dryRun = field(
  Schema.optional(Schema.Boolean),
  "`true` returns what would change, and changes nothing.",
  { default: false, example: true }
)

/** The field that selects everything. */
export const everything = (description: string) => field(Schema.optional(Schema.Literal(true)), description)

export const operation = field(
  Schema.NullOr(Schema.String),
  "The id of the operation; null for a dry run, and when there is nothing to do."
)

export const Begun = model(
  "OperationBegun",
  "An operation that has started, or would have started.",
  Schema.Struct({
    operation,
    count: field(Schema.Finite, "The number of events."),
    missing: field(Schema.Array(Schema.String), "The given ids under which there is nothing.")
  })
)
export type Begun = typeof Begun.Type

const Cancelled = model(
  "OperationCancelled",
  "Who stopped an operation.",
  Schema.Struct({
    by: field(Schema.String, "Who stopped it."),
    at: field(Schema.String, "When it was stopped.")
  })
)

export const OperationAnswer = model(
  "Operation",
  "A redrive, a discard or an erasure, with its progress.",
  Schema.Struct({
    id: field(Schema.String, "The id of the operation."),
    kind: field(Kind, "What the operation does."),
    by: field(Schema.String, "Who requested it."),
    reason: field(Schema.NullOr(Schema.String), "Why; null without a reason."),
    at: field(Schema.String, "When it was requested."),
    asked: field(
      Schema.Record(Schema.String, Schema.Unknown),
      "Which events were requested: ids, a filter, or all."
    ),
    rate: field(Schema.Finite, "The highest number of events a second."),
    requested: field(Schema.Finite, "The number of events."),
    results: field(
      Schema.Record(Schema.String, Schema.Finite),
      "The number of events that ended in each way."
    ),
    left: field(Schema.Finite, "The number of events that have not ended."),
    state: field(Schema.Literals(["running", "done", "cancelled"]), "The state of the operation."),
    cancelled: field(Schema.NullOr(Cancelled), "Who stopped it; null when it was not stopped.")
  })
)
export type OperationAnswer = typeof OperationAnswer.Type

const Id = Schema.Struct({
  id: field(Schema.String, "The id of the operation.", { example: "01JQ0000000000000000000000" })
})

/** Default number of outcomes of a page. */
export const usualOutcomes = 500

const OperationsAnswer = model(
  "OperationList",
  "The last operations.",
  Schema.Struct({ operations: field(Schema.Array(OperationAnswer), "The operations, newest first.") })
)

const OutcomesAnswer = model(
  "OperationOutcomePage",
  "A page of the outcomes of an operation.",
  Schema.Struct({
    outcomes: field(Schema.Array(Outcome), "The outcomes, in the order in which the events ended."),
    cursor: field(
      Schema.Finite,
      "The next `after`. An empty page with the cursor of the request is the last one."
    )
  })
)

const CancelRequest = model("CancelRequest", "Who stops an operation.", Schema.Struct({ by: By }))

/** `/v1/operations`: the operations on dead letters and quarantined entries, with their progress. */
export const OperationsApi = HttpApiGroup.make("operations").add(
  HttpApiEndpoint.get("list", "/v1/operations", {
    query: Schema.Struct({ limit: limitOf(200) }),
    success: OperationsAnswer,
    error: Unavailable
  }).annotate(OpenApi.Summary, "Redrives, discards and erasures, newest first"),
  HttpApiEndpoint.get("get", "/v1/operations/:id", {
    params: Id,
    success: OperationAnswer,
    error: [NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "One operation with its progress"),
  HttpApiEndpoint.get("outcomes", "/v1/operations/:id/outcomes", {
    params: Id,
    query: Schema.Struct({
      after: position(0, "The `cursor` of the previous page. The page continues after it."),
      limit: limitOf(1_000, usualOutcomes)
    }),
    success: OutcomesAnswer,
    error: [NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "Outcome of each event of an operation"),
  HttpApiEndpoint.post("cancel", "/v1/operations/:id/cancel", {
    params: Id,
    payload: CancelRequest,
    success: OperationAnswer,
    error: [NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "Stop an operation")
).annotate(OpenApi.Description, "What operators did with dead letters and quarantined entries")
