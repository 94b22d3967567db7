import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { field, model } from "../../Domain/Documented.ts"
import { PointInTime } from "../../Domain/PointInTime.ts"
import { Reconciliation } from "../../Domain/Reconciliation.ts"
import { By, dryRun } from "./Operations.ts"
import { Conflict, InvalidRequest, InvalidSelection, NotFound, Unavailable } from "./Problems.ts"
import { limitOf, Text } from "./Query.ts"

const ReconcileRequest = model(
  "ReconcileRequest",
  "What to compare: scans from `since` until `until`, and codes of any age.",
  Schema.Struct({
    since: field(
      PointInTime,
      "Scans from this time, inclusive. A timestamp, a date in UTC, or a duration before now.",
      {
        example: "2026-03-20"
      }
    ),
    until: field(
      Schema.optional(PointInTime),
      "Scans until this time, exclusive; until now when it is left out.",
      {
        example: "2026-03-21"
      }
    ),
    qpr_code_id: field(
      Schema.optional(Text.check(Schema.isNonEmpty())),
      "The id, short id or name of a code: only its scans and the code itself are compared.",
      { example: "qpr_01HXYZ789ABC" }
    ),
    dry_run: dryRun,
    by: By
  })
)
export type ReconcileRequest = typeof ReconcileRequest.Type

/** Default number of reconciliations of a list. */
export const usualReconciliations = 20

const ReconciliationsAnswer = model(
  "ReconciliationList",
  "The last reconciliations.",
  Schema.Struct({
    reconciliations: field(Schema.Array(Reconciliation), "The reconciliations, newest first."),
    repaired: field(Schema.Finite, "The number of scans that were ever repaired.")
  })
)
export type ReconciliationsAnswer = typeof ReconciliationsAnswer.Type

const params = Schema.Struct({ id: field(Schema.Int, "The id of the reconciliation.", { example: 3 }) })

/** `/v1/reconciliations`: compares the scans and codes of 3QPR's API with the log, and repairs what is missing. */
export const ReconciliationsApi = HttpApiGroup.make("reconciliations").add(
  HttpApiEndpoint.get("list", "/v1/reconciliations", {
    query: Schema.Struct({ limit: limitOf(200, usualReconciliations) }),
    success: ReconciliationsAnswer,
    error: Unavailable
  }).annotate(OpenApi.Summary, "Comparisons with 3QPR's scans and codes, the newest first"),
  HttpApiEndpoint.post("start", "/v1/reconciliations", {
    payload: ReconcileRequest,
    success: Reconciliation.pipe(HttpApiSchema.status(202)),
    error: [InvalidRequest, InvalidSelection, Conflict, Unavailable]
  }).annotate(OpenApi.Summary, "Compare with 3QPR's scans and codes, and append what is missing"),
  HttpApiEndpoint.get("get", "/v1/reconciliations/:id", {
    params,
    success: Reconciliation,
    error: [NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "One reconciliation with its progress"),
  HttpApiEndpoint.post("cancel", "/v1/reconciliations/:id/cancel", {
    params,
    success: Reconciliation,
    error: [NotFound, Conflict, Unavailable]
  }).annotate(OpenApi.Summary, "Stop a reconciliation")
).annotate(OpenApi.Description, "Comparisons of 3QPR's scans and codes with the log")
