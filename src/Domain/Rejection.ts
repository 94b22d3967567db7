import { Schema } from "effect"
import { field, model } from "./Documented.ts"

const summary = {
  id: field(Schema.String, "The id of the record."),
  instance: field(Schema.String, "The process that refused the request: host and process id."),
  reason: field(Schema.String, "Why the request was refused, such as `invalid_signature`."),
  at: field(Schema.String, "When the request was refused."),
  path: field(
    Schema.optionalKey(Schema.String),
    "The path that the request named. A receiver of an older version leaves it out."
  ),
  source: field(Schema.String, "The address of the client, or of the proxy before this receiver."),
  size: field(Schema.Finite, "Bytes of the body that were read, or the declared length.")
}

export const RejectionSummary = model(
  "RejectedRequestSummary",
  "A request that a public listener refused, without its body.",
  Schema.Struct(summary)
)
export type RejectionSummary = typeof RejectionSummary.Type

const Found = model(
  "SignatureCause",
  "A known cause that explains the signature.",
  Schema.Struct({
    cause: field(Schema.String, "The name of the cause."),
    explanation: field(Schema.String, "What happened."),
    remedy: field(Schema.String, "What to do."),
    secret: field(Schema.String, "Which secret matches, without its value.")
  })
)

const Report = model(
  "SignatureReport",
  "What is wrong with a signature.",
  Schema.Struct({
    summary: field(Schema.String, "The finding in one sentence."),
    causes: field(Schema.Array(Found), "Known causes that explain the signature."),
    remaining: field(Schema.Array(Schema.String), "Possible causes when no known cause explains it.")
  })
)

export const RejectionDetail = model(
  "RejectedRequest",
  "A request that a public listener refused.",
  Schema.Struct({
    ...summary,
    headers: field(Schema.Record(Schema.String, Schema.String), "The headers of the request, by name."),
    head_base64: field(Schema.String, "The first 8 KiB of the body, in base64."),
    complete: field(Schema.Boolean, "Whether `head_base64` is the whole body."),
    doctor: field(Schema.NullOr(Report), "What is wrong with the signature; null without the whole body.")
  })
)
export type RejectionDetail = typeof RejectionDetail.Type
