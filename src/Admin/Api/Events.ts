import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { EventType } from "../../Domain/Event.ts"
import { PointInTime } from "../../Domain/PointInTime.ts"
import { NotFound, Unavailable } from "./Problems.ts"
import { within } from "./Query.ts"

/** An entry of the event log, without its bytes. */
const summary = {
  /** Its place in the stream; grows, with gaps. */
  sequence: Schema.Finite,
  /** 3QPR's event id, or `sha256:…` of a body without a usable one. */
  id: Schema.String,
  /** The event type; null when none could be read. */
  type: Schema.NullOr(Schema.String),
  /** Why it is no event that we can use; null when it is one. */
  quarantined: Schema.NullOr(Schema.String),
  received_at: Schema.String,
  /** Of the signed bytes. */
  size: Schema.Finite,
  sha256: Schema.String
}

/** The bytes that 3QPR signed, in base64, with the signature that came with them. */
const signed = {
  signature: Schema.String,
  body_base64: Schema.String
}

export const EventSummary = Schema.Struct({
  ...summary,
  signature: Schema.optional(signed.signature),
  body_base64: Schema.optional(signed.body_base64)
})
export type EventSummary = typeof EventSummary.Type

export const EventDetail = Schema.Struct({
  ...summary,
  ...signed,
  subject: Schema.String,
  headers: Schema.Record(Schema.String, Schema.String)
})
export type EventDetail = typeof EventDetail.Type

/**
 * With `after`: oldest first, from behind that sequence; `wait` seconds for the first one when there is
 * none yet. Otherwise newest first, from before the sequence `before` or from the end. `since` is
 * inclusive, `until` exclusive.
 */
export const EventsQuery = Schema.Struct({
  type: Schema.optional(EventType),
  since: Schema.optional(PointInTime),
  until: Schema.optional(PointInTime),
  after: Schema.optional(within(0, Number.MAX_SAFE_INTEGER)),
  before: Schema.optional(within(1, Number.MAX_SAFE_INTEGER)),
  limit: Schema.optional(within(1, 1_000)),
  wait: Schema.optional(within(0, 30)),
  /** `true` adds the signed bytes and the signature to each event. */
  bodies: Schema.optional(Schema.Literals(["true", "false"]))
})
export type EventsQuery = typeof EventsQuery.Type

const EventsAnswer = Schema.Struct({
  /** At most `limit` (50), fewer when they are large. */
  events: Schema.Array(EventSummary),
  /** Where to continue: the next `after`, or newest first the next `before`. */
  cursor: Schema.Finite,
  /** False when there is nothing beyond the cursor for now. */
  more: Schema.Boolean,
  /** The log as it is now; another `created` means that it is another log. */
  log: Schema.Struct({
    created: Schema.String,
    first_sequence: Schema.Finite,
    last_sequence: Schema.Finite
  })
})
export type EventsAnswer = typeof EventsAnswer.Type

/** `/v1/events`: the event log itself, quarantine included. */
export const Events = HttpApiGroup.make("events").add(
  HttpApiEndpoint.get("list", "/v1/events", {
    query: EventsQuery,
    success: EventsAnswer,
    error: Unavailable
  }).annotate(OpenApi.Summary, "Entries of the event log"),
  HttpApiEndpoint.get("get", "/v1/events/:id", {
    params: Schema.Struct({ id: Schema.String }),
    success: EventDetail,
    error: [NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "One event with its signed bytes")
).annotate(OpenApi.Description, "The event log itself, quarantine included")
