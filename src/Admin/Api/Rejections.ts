import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { field, model } from "../../Domain/Documented.ts"
import { RejectionDetail, RejectionSummary } from "../../Domain/Rejection.ts"
import { NotFound, Unavailable } from "./Problems.ts"
import { limitOf } from "./Query.ts"

const RejectionsAnswer = model(
  "RejectedRequestList",
  "The last requests that the public listeners refused.",
  Schema.Struct({
    refused: field(Schema.Finite, "The number of refused requests of all processes since they started."),
    instances: field(Schema.Finite, "The number of processes that answered."),
    rejections: field(
      Schema.Array(RejectionSummary),
      "The requests, newest first. Each process keeps its last 200, and at most 10 of a second."
    )
  })
)

/** `/v1/rejections`: requests that the public listeners refused. They are kept in memory only. */
export const RejectionsApi = HttpApiGroup.make("rejections").add(
  HttpApiEndpoint.get("list", "/v1/rejections", {
    query: Schema.Struct({ limit: limitOf(200) }),
    success: RejectionsAnswer,
    error: Unavailable
  }).annotate(OpenApi.Summary, "Requests that the public listeners refused, the newest first"),
  HttpApiEndpoint.get("get", "/v1/rejections/:id", {
    params: Schema.Struct({
      id: field(Schema.String, "The id of the record.", { example: "01JQ0000000000000000000000" })
    }),
    success: RejectionDetail,
    error: [NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "One refused request with the signature doctor's answer")
).annotate(OpenApi.Description, "Requests that the public listeners refused; in memory only")
