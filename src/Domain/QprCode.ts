import { Schema } from "effect"
import { EntityId, IsoDateTime, Key, maybe } from "./Fields.ts"

/**
 * The type of an entry that `reconcile` creates from 3QPR's list of codes. 3QPR sends no event of this type. A code
 * that was created in its portal appears only in the list.
 */
export const listedCode = "qpr_code.listed"

/** The data of `qpr_code.created` and `qpr_code.listed`: a code as described in 3QPR's API reference. */
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
