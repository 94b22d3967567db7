import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Kind, Outcome } from "../../Domain/Operation.ts"
import { NotFound, Unavailable } from "./Problems.ts"
import { Text, within } from "./Query.ts"

/** Who asks: a person, a program. */
export const By = Text.check(Schema.isNonEmpty(), Schema.isMaxLength(200))

/** Events a second. */
export const Rate = Schema.Finite.check(Schema.isBetween({ minimum: 0.1, maximum: 100_000 }))

/** An operation that has begun, or would have. */
export const Begun = Schema.Struct({
  /** Its id; null for a dry run, and when there is nothing to do. */
  operation: Schema.NullOr(Schema.String),
  /** How many events it is on. */
  count: Schema.Finite,
  /** Of the ids that were given, those under which there is nothing. */
  missing: Schema.Array(Schema.String)
})
export type Begun = typeof Begun.Type

export const OperationAnswer = Schema.Struct({
  id: Schema.String,
  kind: Kind,
  by: Schema.String,
  reason: Schema.NullOr(Schema.String),
  at: Schema.String,
  /** Which events were asked for: ids, a filter, or all. */
  asked: Schema.Record(Schema.String, Schema.Unknown),
  rate: Schema.Finite,
  requested: Schema.Finite,
  /** How many events ended in each way. */
  results: Schema.Record(Schema.String, Schema.Finite),
  /** How many have not ended yet. */
  left: Schema.Finite,
  state: Schema.Literals(["running", "done", "cancelled"]),
  cancelled: Schema.NullOr(Schema.Struct({ by: Schema.String, at: Schema.String }))
})
export type OperationAnswer = typeof OperationAnswer.Type

const Id = Schema.Struct({ id: Schema.String })

const ListQuery = Schema.Struct({ limit: Schema.optional(within(1, 200)) })

const OutcomesQuery = Schema.Struct({
  after: Schema.optional(within(0, Number.MAX_SAFE_INTEGER)),
  limit: Schema.optional(within(1, 1_000))
})

/** `/v1/operations`: who did what when with dead letters and quarantined entries, and how far it is. */
export const Operations = HttpApiGroup.make("operations").add(
  HttpApiEndpoint.get("list", "/v1/operations", {
    query: ListQuery,
    /** The newest first; at most `limit` (50). */
    success: Schema.Struct({ operations: Schema.Array(OperationAnswer) }),
    error: Unavailable
  }).annotate(OpenApi.Summary, "Redrives, discards and erasures, newest first"),
  HttpApiEndpoint.get("get", "/v1/operations/:id", {
    params: Id,
    success: OperationAnswer,
    error: [NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "One operation with its progress"),
  HttpApiEndpoint.get("outcomes", "/v1/operations/:id/outcomes", {
    params: Id,
    query: OutcomesQuery,
    /** In the order in which they ended; an empty page with the cursor it was asked for is the last. */
    success: Schema.Struct({ outcomes: Schema.Array(Outcome), cursor: Schema.Finite }),
    error: [NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "Outcome of each event of an operation"),
  HttpApiEndpoint.post("cancel", "/v1/operations/:id/cancel", {
    params: Id,
    payload: Schema.Struct({ by: By }),
    success: OperationAnswer,
    error: [NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "Stop an operation")
).annotate(OpenApi.Description, "Who did what with dead letters and quarantined entries")
