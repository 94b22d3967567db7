import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { PointInTime } from "../../Domain/PointInTime.ts"
import { Reconciliation } from "../../Domain/Reconciliation.ts"
import { By } from "./Operations.ts"
import { Conflict, InvalidRequest, InvalidSelection, NotFound, Unavailable } from "./Problems.ts"
import { Text, within } from "./Query.ts"

/** Scans from `since` until `until`, which is now unless told; and codes, whatever their age. */
const ReconcileRequest = Schema.Struct({
  since: PointInTime,
  until: Schema.optional(PointInTime),
  /** The id, short id or name of a code: its scans, and the code itself. */
  qpr_code_id: Schema.optional(Text.check(Schema.isNonEmpty())),
  /** Counts what is missing and appends nothing. */
  dry_run: Schema.optional(Schema.Boolean),
  by: By
})
export type ReconcileRequest = typeof ReconcileRequest.Type

const ReconciliationsAnswer = Schema.Struct({
  /** Newest first; at most `limit` (20). */
  reconciliations: Schema.Array(Reconciliation),
  /** Scans that were ever repaired. */
  repaired: Schema.Finite
})
export type ReconciliationsAnswer = typeof ReconciliationsAnswer.Type

const params = Schema.Struct({ id: Schema.Int })

/** `/v1/reconciliations`: comparing 3QPR's scans and codes with ours, and repairing what is missing. */
export const Reconciliations = HttpApiGroup.make("reconciliations").add(
  HttpApiEndpoint.get("list", "/v1/reconciliations", {
    query: Schema.Struct({ limit: Schema.optional(within(1, 200)) }),
    success: ReconciliationsAnswer,
    error: Unavailable
  }).annotate(OpenApi.Summary, "Comparisons with 3QPR's scans and codes, the newest first"),
  HttpApiEndpoint.post("start", "/v1/reconciliations", {
    payload: ReconcileRequest,
    success: Reconciliation.pipe(HttpApiSchema.status(202)),
    error: [InvalidRequest, InvalidSelection, Conflict, Unavailable]
  }).annotate(OpenApi.Summary, "Compare with 3QPR's scans and codes, and bring in what is missing"),
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
).annotate(OpenApi.Description, "Comparing 3QPR's scans and codes with ours")
