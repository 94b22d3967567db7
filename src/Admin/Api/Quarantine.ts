import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { field, model } from "../../Domain/Documented.ts"
import { QuarantineReason } from "../../Domain/QuarantineReason.ts"
import { signedFields } from "./Events.ts"
import { By, dryRun, everything, operation, Rate } from "./Operations.ts"
import { InvalidSelection, NotFound, Unavailable } from "./Problems.ts"
import { limitOf, position, within } from "./Query.ts"

const Problem = model(
  "DecodeProblem",
  "A value that keeps an entry from being an event.",
  Schema.Struct({
    path: field(Schema.String, "Where the value is in the body."),
    message: field(Schema.String, "What is wrong with it.")
  })
)

const summary = {
  sequence: field(Schema.Finite, "The position in the stream."),
  id: field(Schema.String, "3QPR's event id, or `sha256:…` of a body without a usable id."),
  type: field(Schema.NullOr(Schema.String), "The event type; null when it could not be read."),
  reason: field(Schema.String, "Why it was quarantined when it was received."),
  received_at: field(Schema.String, "When it was received."),
  size: field(Schema.Finite, "Bytes of the signed body."),
  decodes: field(
    Schema.Boolean,
    "Whether this version can decode it. If so, a redrive turns it into an event."
  ),
  problems: field(
    Schema.Array(Problem),
    "What this version finds wrong with it; at most 20 problems of a list."
  )
}

export const QuarantineSummary = model(
  "QuarantinedEventSummary",
  "A signed body that is not a usable event, without its bytes.",
  Schema.Struct(summary)
)
export type QuarantineSummary = typeof QuarantineSummary.Type

export const QuarantineDetail = model(
  "QuarantinedEvent",
  "A signed body that is not a usable event.",
  Schema.Struct({ ...summary, ...signedFields })
)
export type QuarantineDetail = typeof QuarantineDetail.Type

export const QuarantineQuery = Schema.Struct({
  reason: field(Schema.optional(QuarantineReason), "Only entries that were quarantined for this reason.", {
    example: "invalid_data"
  }),
  before: position(1, "The `cursor` of the previous page. The page continues after it."),
  limit: limitOf(1_000)
})
export type QuarantineQuery = typeof QuarantineQuery.Type

const QuarantineAnswer = model(
  "QuarantinePage",
  "A page of the quarantine.",
  Schema.Struct({
    quarantined: field(Schema.Array(QuarantineSummary), "The entries, newest first."),
    cursor: field(Schema.Finite, "The `before` of the next page."),
    more: field(Schema.Boolean, "Whether there is a next page.")
  })
)

/** Default rate of a redrive, in entries a second. */
export const usualRate = 100

export const QuarantineSelection = model(
  "QuarantineSelection",
  "Which entries: exactly one of `sequences`, `reason` and `all`.",
  Schema.Struct({
    sequences: field(
      Schema.optional(Schema.Array(Schema.Int).check(Schema.isBetweenLength(1, 10_000))),
      "The positions of entries."
    ),
    reason: field(
      Schema.optional(QuarantineReason),
      "All entries that were quarantined for this reason."
    ),
    all: everything("All entries in quarantine."),
    dry_run: dryRun,
    by: By,
    rate: Rate(usualRate)
  })
)
export type QuarantineSelection = typeof QuarantineSelection.Type

const Begun = model(
  "QuarantineRedriveBegun",
  "A redrive of quarantined entries that has started, or would have started.",
  Schema.Struct({
    operation,
    count: field(Schema.Finite, "The number of entries."),
    decodable: field(Schema.Finite, "The number of entries that decode now. The others stay in quarantine."),
    missing: field(Schema.Array(Schema.Finite), "The positions that were given, and are not in quarantine.")
  })
)

/** `/v1/quarantine`: signed bodies that are not usable events. */
export const QuarantineApi = HttpApiGroup.make("quarantine").add(
  HttpApiEndpoint.get("list", "/v1/quarantine", {
    query: QuarantineQuery,
    success: QuarantineAnswer,
    error: Unavailable
  }).annotate(OpenApi.Summary, "Entries in quarantine, newest first"),
  HttpApiEndpoint.get("get", "/v1/quarantine/:sequence", {
    params: Schema.Struct({
      sequence: field(within(1, Number.MAX_SAFE_INTEGER), "The position of the entry.", { example: 1_234 })
    }),
    success: QuarantineDetail,
    error: [NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "One entry with its signed bytes, and what is wrong with it"),
  HttpApiEndpoint.post("redrive", "/v1/quarantine/redrive", {
    payload: QuarantineSelection,
    success: Begun,
    error: [InvalidSelection, Unavailable]
  }).annotate(OpenApi.Summary, "Turn the entries that decode now into events")
).annotate(OpenApi.Description, "Signed bodies that are not usable events")
