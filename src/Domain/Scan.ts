import { Schema } from "effect"
import { EntityId, IsoDateTime, maybe } from "./Fields.ts"

/** The data of `scan.created`: one scan of a QR code, as in 3QPR's `GET /v1/scans`. */
export const Scan = Schema.Struct({
  id: EntityId,
  qpr_code_id: maybe(Schema.String),
  short_id: maybe(Schema.String),
  scanned_at: maybe(IsoDateTime),
  country: maybe(Schema.String),
  region: maybe(Schema.String),
  city: maybe(Schema.String),
  device: maybe(Schema.String),
  conversation_started: maybe(Schema.Boolean),
  conversation_messages: maybe(Schema.Int),
  metadata: maybe(Schema.Record(Schema.String, Schema.Unknown))
})
export type Scan = typeof Scan.Type
