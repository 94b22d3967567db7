import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { ConsumerName } from "../../Domain/ConsumerName.ts"
import { EventType } from "../../Domain/Event.ts"
import { PointInTime } from "../../Domain/PointInTime.ts"
import { Begun, By, Rate } from "./Operations.ts"
import { InvalidSelection, NotFound, Unavailable } from "./Problems.ts"
import { within } from "./Query.ts"

const summary = {
  /** `<consumer>:<sequence>`. */
  id: Schema.String,
  consumer: Schema.String,
  /** Of the event in the log. */
  sequence: Schema.Finite,
  event_id: Schema.String,
  type: Schema.String,
  /** What went wrong the last time. */
  error: Schema.String,
  /** How often the consumer was given the event, redrives included. */
  attempts: Schema.Finite,
  first_failed_at: Schema.String,
  last_failed_at: Schema.String,
  /** Of the signed bytes. */
  size: Schema.Finite
}

export const DeadLetterSummary = Schema.Struct(summary)
export type DeadLetterSummary = typeof DeadLetterSummary.Type

export const DeadLetterDetail = Schema.Struct({
  ...summary,
  subject: Schema.String,
  /** Of the event, as they are in the log. */
  headers: Schema.Record(Schema.String, Schema.String),
  signature: Schema.String,
  body_base64: Schema.String
})
export type DeadLetterDetail = typeof DeadLetterDetail.Type

/** Which dead letters: those that fit everything that is given. */
export const LetterFilter = Schema.Struct({
  consumer: Schema.optional(ConsumerName),
  type: Schema.optional(EventType),
  /** A part of the error, in any case. */
  error: Schema.optional(Schema.NonEmptyString),
  /** Of the last failure, inclusive. */
  since: Schema.optional(PointInTime),
  /** Of the last failure, exclusive. */
  until: Schema.optional(PointInTime)
})

export const DeadLettersQuery = Schema.Struct({
  ...LetterFilter.fields,
  /** Continue behind this cursor of the page before. */
  before: Schema.optional(within(1, Number.MAX_SAFE_INTEGER)),
  limit: Schema.optional(within(1, 1_000))
})
export type DeadLettersQuery = typeof DeadLettersQuery.Type

const DeadLettersAnswer = Schema.Struct({
  /** The last failure first; at most `limit` (50). */
  dead_letters: Schema.Array(DeadLetterSummary),
  /** How many fit the filter, on all pages. */
  total: Schema.Finite,
  /** The `before` of the next page. */
  cursor: Schema.Finite,
  more: Schema.Boolean
})

/** Exactly one of `ids`, `filter` and `all: true`. */
export const Selection = Schema.Struct({
  ids: Schema.optional(Schema.Array(Schema.NonEmptyString).check(Schema.isBetweenLength(1, 10_000))),
  filter: Schema.optional(LetterFilter),
  all: Schema.optional(Schema.Literal(true)),
  /** Says how many it would be, and changes nothing. */
  dry_run: Schema.optional(Schema.Boolean),
  /** Who asks: a person, a program. */
  by: By,
  /** Events a second, at most; 100 unless told. */
  rate: Schema.optional(Rate)
})
export type Selection = typeof Selection.Type

export const Discarding = Schema.Struct({
  ...Selection.fields,
  reason: Schema.NonEmptyString.check(Schema.isMaxLength(1_000))
})
export type Discarding = typeof Discarding.Type

const Id = Schema.Struct({ id: Schema.String })

/** `/v1/dead-letters`: the events that a consumer can never handle. */
export const DeadLetters = HttpApiGroup.make("deadLetters").add(
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
