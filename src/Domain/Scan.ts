import { Schema } from "effect"
import { Count, EntityId, IsoDateTime, Key, maybe } from "./Fields.ts"

/** The data of `scan.created`: one scan of a QR code, with the fields of 3QPR's `GET /v1/scans`. */
export const Scan = Schema.Struct({
  id: EntityId,
  qpr_code_id: maybe(Key),
  short_id: maybe(Key),
  scanned_at: maybe(IsoDateTime),
  country: maybe(Key),
  region: maybe(Schema.String),
  city: maybe(Schema.String),
  device: maybe(Key),
  conversation_started: maybe(Schema.Boolean),
  conversation_messages: maybe(Count),
  metadata: maybe(Schema.Record(Schema.String, Schema.Unknown))
})
export type Scan = typeof Scan.Type
