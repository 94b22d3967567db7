import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { RejectionDetail, RejectionSummary } from "../../Domain/Rejection.ts"
import { NotFound, Unavailable } from "./Problems.ts"
import { within } from "./Query.ts"

const RejectionsAnswer = Schema.Struct({
  /** By all processes since they started, kept or not. */
  refused: Schema.Finite,
  /** Processes that answered. */
  instances: Schema.Finite,
  /** Newest first; at most `limit` (50). Each process keeps its last 200, at most 10 of a second. */
  rejections: Schema.Array(RejectionSummary)
})

/** `/v1/rejections`: requests that were refused at the public listeners. They are in memory only. */
export const Rejections = HttpApiGroup.make("rejections").add(
  HttpApiEndpoint.get("list", "/v1/rejections", {
    query: Schema.Struct({ limit: Schema.optional(within(1, 200)) }),
    success: RejectionsAnswer,
    error: Unavailable
  }).annotate(OpenApi.Summary, "Requests that the public listeners refused, the newest first"),
  HttpApiEndpoint.get("get", "/v1/rejections/:id", {
    params: Schema.Struct({ id: Schema.String }),
    success: RejectionDetail,
    error: [NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "One refused request with the signature doctor's answer")
).annotate(OpenApi.Description, "What was refused at the public listeners; in memory only")
