import { Schema } from "effect"
import { EntityId, IsoDateTime, Key, maybe } from "./Fields.ts"

/**
 * The type of an entry that `reconcile` makes of 3QPR's list of codes. 3QPR sends no event of this type: a code that was
 * made in its portal is known from the list only.
 */
export const listedCode = "qpr_code.listed"

/** The data of `qpr_code.created` and `qpr_code.listed`: a code, as in 3QPR's API reference. */
export const QprCode = Schema.Struct({
  id: EntityId,
  name: maybe(Schema.String),
  short_id: maybe(Key),
  scan_url: maybe(Schema.String),
  status: maybe(Schema.String),
  metadata: maybe(Schema.Record(Schema.String, Schema.Unknown)),
  created_at: maybe(IsoDateTime),
  updated_at: maybe(IsoDateTime)
})
export type QprCode = typeof QprCode.Type
