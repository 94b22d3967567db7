import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { ConsumerName } from "../../Domain/ConsumerName.ts"
import { field, model } from "../../Domain/Documented.ts"
import { EventType } from "../../Domain/Event.ts"
import { signedFields } from "./Events.ts"
import { Begun, By, dryRun, everything, Rate } from "./Operations.ts"
import { InvalidSelection, NotFound, Unavailable } from "./Problems.ts"
import { limitOf, position, spanOf } from "./Query.ts"

const summary = {
  id: field(Schema.String, "The id of the dead letter: `<consumer>:<sequence>`.", {
    example: "scans-1:1234"
  }),
  consumer: field(Schema.String, "The durable consumer that could not handle the event."),
  sequence: field(Schema.Finite, "The position of the event in the stream."),
  event_id: field(Schema.String, "The id of the event."),
  type: field(Schema.String, "The type of the event."),
  error: field(Schema.String, "Why the last attempt failed."),
  attempts: field(Schema.Finite, "How often the event was delivered to the consumer, redrives included."),
  first_failed_at: field(Schema.String, "When the event failed first."),
  last_failed_at: field(Schema.String, "When the event failed last."),
  size: field(Schema.Finite, "Bytes of the signed body.")
}

export const DeadLetterSummary = model(
  "DeadLetterSummary",
  "An event that a consumer cannot handle, without its bytes.",
  Schema.Struct(summary)
)
export type DeadLetterSummary = typeof DeadLetterSummary.Type

export const DeadLetterDetail = model(
  "DeadLetter",
  "An event that a consumer cannot handle.",
  Schema.Struct({ ...summary, ...signedFields })
)
export type DeadLetterDetail = typeof DeadLetterDetail.Type

/** Selects the dead letters that match every given field. */
export const LetterFilter = model(
  "DeadLetterFilter",
  "Dead letters that fit every field that is given.",
  Schema.Struct({
    consumer: field(Schema.optional(ConsumerName), "Only dead letters of this durable consumer.", {
      example: "scans-1"
    }),
    type: field(Schema.optional(EventType), "Only events of this type.", { example: "scan.created" }),
    error: field(Schema.optional(Schema.NonEmptyString), "A part of the error, in any case.", {
      example: "timeout"
    }),
    ...spanOf("last failure")
  })
)

export const DeadLettersQuery = Schema.Struct({
  ...LetterFilter.fields,
  before: position(1, "The `cursor` of the previous page. The page continues after it."),
  limit: limitOf(1_000)
})
export type DeadLettersQuery = typeof DeadLettersQuery.Type

const DeadLettersAnswer = model(
  "DeadLetterPage",
  "A page of dead letters.",
  Schema.Struct({
    dead_letters: field(
      Schema.Array(DeadLetterSummary),
      "The dead letters, last failure first. With `error`, `since` or `until`, a page looks at 10,000 dead letters at most. "
        + "It can then have none although `more` is true."
    ),
    total: field(
      Schema.NullOr(Schema.Finite),
      "The number of dead letters that fit the filter, on all pages. Null for several pages with `error`, `since` or `until`."
    ),
    cursor: field(Schema.Finite, "The `before` of the next page."),
    more: field(Schema.Boolean, "Whether there are dead letters after the cursor.")
  })
)

/** Default rate of an operation, in events a second. */
export const usualRates = { redrive: 100, discard: 1_000 }

const selection = {
  ids: field(
    Schema.optional(Schema.Array(Schema.NonEmptyString).check(Schema.isBetweenLength(1, 10_000))),
    "The ids of dead letters."
  ),
  filter: field(
    Schema.optional(LetterFilter),
    "All dead letters that fit this filter, which must not be empty."
  ),
  all: everything("All dead letters."),
  dry_run: dryRun,
  by: By
}

export const Selection = model(
  "DeadLetterSelection",
  "Which dead letters: exactly one of `ids`, `filter` and `all`.",
  Schema.Struct({ ...selection, rate: Rate(usualRates.redrive) })
)
export type Selection = typeof Selection.Type

export const Discarding = model(
  "DeadLetterDiscard",
  "Which dead letters, and why: exactly one of `ids`, `filter` and `all`.",
  Schema.Struct({
    ...selection,
    rate: Rate(usualRates.discard),
    reason: field(
      Schema.NonEmptyString.check(Schema.isMaxLength(1_000)),
      "Why they are discarded. The reason is recorded."
    )
  })
)
export type Discarding = typeof Discarding.Type

const Id = Schema.Struct({
  id: field(Schema.String, "The id of the dead letter: `<consumer>:<sequence>`.", { example: "scans-1:1234" })
})

/** `/v1/dead-letters`: events that a consumer could not handle. */
export const DeadLettersApi = HttpApiGroup.make("deadLetters").add(
  HttpApiEndpoint.get("list", "/v1/dead-letters", {
    query: DeadLettersQuery,
    success: DeadLettersAnswer,
    error: Unavailable
  }).annotate(OpenApi.Summary, "Dead letters, the last failure first"),
  HttpApiEndpoint.get("get", "/v1/dead-letters/:id", {
    params: Id,
    success: DeadLetterDetail,
    error: [NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "One dead letter with its bytes"),
  HttpApiEndpoint.post("redrive", "/v1/dead-letters/redrive", {
    payload: Selection,
    success: Begun,
    error: [InvalidSelection, Unavailable]
  }).annotate(OpenApi.Summary, "Give events again to the consumer that could not handle them"),
  HttpApiEndpoint.post("discard", "/v1/dead-letters/discard", {
    payload: Discarding,
    success: Begun,
    error: [InvalidSelection, Unavailable]
  }).annotate(OpenApi.Summary, "Remove dead letters permanently")
).annotate(OpenApi.Description, "Events that a consumer can never handle")
