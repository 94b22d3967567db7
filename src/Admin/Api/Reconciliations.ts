import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { IsoDateTime } from "../../Domain/Fields.ts"
import { Reconciliation } from "../../Reconciliations/Registry.ts"
import { Conflict, InvalidSelection, NotFound, Unavailable } from "../Problems.ts"
import { By } from "./Operations.ts"
import { within } from "./Query.ts"

/** Scans from `since` until `until`, which is now unless told. */
const ReconcileRequest = Schema.Struct({
  since: IsoDateTime,
  until: Schema.optional(IsoDateTime),
  qpr_code_id: Schema.optional(Schema.NonEmptyString),
  /** Counts what is missing and appends nothing. */
  dry_run: Schema.optional(Schema.Boolean),
  by: By
})
export type ReconcileRequest = typeof ReconcileRequest.Type

const ReconciliationsAnswer = Schema.Struct({
  /** Newest first; at most `limit` (20). */
  reconciliations: Schema.Array(Reconciliation),
  /** Scans that were ever repaired. */
  repaired: Schema.Number
})
export type ReconciliationsAnswer = typeof ReconciliationsAnswer.Type

const params = Schema.Struct({ id: Schema.NumberFromString.check(Schema.isInt()) })

/** `/v1/reconciliations`: comparing 3QPR's scans with ours, and repairing what is missing. */
export const Reconciliations = HttpApiGroup.make("reconciliations").add(
  HttpApiEndpoint.get("list", "/v1/reconciliations", {
    query: Schema.Struct({ limit: Schema.optional(within(1, 200)) }),
    success: ReconciliationsAnswer,
    error: Unavailable
  }),
  HttpApiEndpoint.post("start", "/v1/reconciliations", {
    payload: ReconcileRequest,
    success: Reconciliation.pipe(HttpApiSchema.status(202)),
    error: [InvalidSelection, Conflict, Unavailable]
  }),
  HttpApiEndpoint.get("get", "/v1/reconciliations/:id", {
    params,
    success: Reconciliation,
    error: [NotFound, Unavailable]
  }),
  HttpApiEndpoint.post("cancel", "/v1/reconciliations/:id/cancel", {
    params,
    success: Reconciliation,
    error: [NotFound, Conflict, Unavailable]
  })
)
