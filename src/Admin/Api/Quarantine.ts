import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { QuarantineReason } from "../../Domain/QuarantineReason.ts"
import { By, Rate } from "./Operations.ts"
import { InvalidSelection, NotFound, Unavailable } from "./Problems.ts"
import { within } from "./Query.ts"

const summary = {
  sequence: Schema.Finite,
  /** 3QPR's event id, or `sha256:…` of a body without a usable one. */
  id: Schema.String,
  type: Schema.NullOr(Schema.String),
  /** Why it was quarantined when it came. */
  reason: Schema.String,
  received_at: Schema.String,
  /** Of the signed bytes. */
  size: Schema.Finite,
  /** Whether the version that answers can use it; then a redrive makes it an event. */
  decodes: Schema.Boolean,
  /** What is wrong with it for the version that answers, path by path; at most 20 of a list. */
  problems: Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String }))
}

export const QuarantineSummary = Schema.Struct(summary)
export type QuarantineSummary = typeof QuarantineSummary.Type

export const QuarantineDetail = Schema.Struct({
  ...summary,
  subject: Schema.String,
  headers: Schema.Record(Schema.String, Schema.String),
  signature: Schema.String,
  body_base64: Schema.String
})
export type QuarantineDetail = typeof QuarantineDetail.Type

export const QuarantineQuery = Schema.Struct({
  reason: Schema.optional(QuarantineReason),
  before: Schema.optional(within(1, Number.MAX_SAFE_INTEGER)),
  limit: Schema.optional(within(1, 1_000))
})
export type QuarantineQuery = typeof QuarantineQuery.Type

const QuarantineAnswer = Schema.Struct({
  /** Newest first; at most `limit` (50). */
  quarantined: Schema.Array(QuarantineSummary),
  /** The `before` of the next page. */
  cursor: Schema.Finite,
  more: Schema.Boolean
})

/** Exactly one of `sequences`, `reason` and `all: true`. */
export const QuarantineSelection = Schema.Struct({
  sequences: Schema.optional(Schema.Array(Schema.Int).check(Schema.isBetweenLength(1, 10_000))),
  reason: Schema.optional(QuarantineReason),
  all: Schema.optional(Schema.Literal(true)),
  /** Says how many it would be, and changes nothing. */
  dry_run: Schema.optional(Schema.Boolean),
  /** Who asks: a person, a program. */
  by: By,
  /** Entries a second, at most; 100 unless told. */
  rate: Schema.optional(Rate)
})
export type QuarantineSelection = typeof QuarantineSelection.Type

const Begun = Schema.Struct({
  /** Its id; null for a dry run, and when there is nothing to do. */
  operation: Schema.NullOr(Schema.String),
  /** How many entries it is on. */
  count: Schema.Finite,
  /** How many of them decode now; the others stay. */
  decodable: Schema.Finite,
  /** Of the sequences that were given, those that are not in quarantine. */
  missing: Schema.Array(Schema.Finite)
})

/** `/v1/quarantine`: what 3QPR signed and is no event that we can use. */
export const Quarantine = HttpApiGroup.make("quarantine").add(
  HttpApiEndpoint.get("list", "/v1/quarantine", {
    query: QuarantineQuery,
    success: QuarantineAnswer,
    error: Unavailable
  }).annotate(OpenApi.Summary, "Entries in quarantine, newest first"),
  HttpApiEndpoint.get("get", "/v1/quarantine/:sequence", {
    params: Schema.Struct({ sequence: within(1, Number.MAX_SAFE_INTEGER) }),
    success: QuarantineDetail,
    error: [NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "One entry with its signed bytes, and what is wrong with it"),
  HttpApiEndpoint.post("redrive", "/v1/quarantine/redrive", {
    payload: QuarantineSelection,
    success: Begun,
    error: [InvalidSelection, Unavailable]
  }).annotate(OpenApi.Summary, "Turn the entries that decode now into events")
).annotate(OpenApi.Description, "What 3QPR signed and is no event that we can use")
