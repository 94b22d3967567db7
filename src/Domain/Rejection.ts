import { Schema } from "effect"

const summary = {
  id: Schema.String,
  /** The process that refused it: host and process id. */
  instance: Schema.String,
  reason: Schema.String,
  at: Schema.String,
  /** The path that the request named. A receiver of an older version does not give it. */
  path: Schema.optionalKey(Schema.String),
  /** The address of the client, or of the proxy in front. */
  source: Schema.String,
  /** Bytes of the body, as far as it was read, or as it was declared. */
  size: Schema.Finite
}

export const RejectionSummary = Schema.Struct(summary)
export type RejectionSummary = typeof RejectionSummary.Type

const Found = Schema.Struct({
  cause: Schema.String,
  explanation: Schema.String,
  remedy: Schema.String,
  secret: Schema.String
})

export const RejectionDetail = Schema.Struct({
  ...summary,
  headers: Schema.Record(Schema.String, Schema.String),
  /** The first 8 KiB of the body. */
  head_base64: Schema.String,
  /** Whether that is all of it. */
  complete: Schema.Boolean,
  /** What is wrong with the signature, and known causes that would make it fit; null without the whole body. */
  doctor: Schema.NullOr(Schema.Struct({
    summary: Schema.String,
    causes: Schema.Array(Found),
    remaining: Schema.Array(Schema.String)
  }))
})
export type RejectionDetail = typeof RejectionDetail.Type
