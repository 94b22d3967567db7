import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { field, model } from "../../Domain/Documented.ts"
import { EventType } from "../../Domain/Event.ts"
import { NotFound, Unavailable } from "./Problems.ts"
import { limitOf, position, spanOf, within } from "./Query.ts"

/** An entry of the event log, without its bytes. */
const summary = {
  sequence: field(Schema.Finite, "The position in the stream. Positions grow, with gaps.", {
    example: 1_234
  }),
  id: field(Schema.String, "3QPR's event id, or `sha256:…` of a body without a usable id.", {
    example: "evt_01HXYZ123ABC"
  }),
  type: field(Schema.NullOr(Schema.String), "The event type; null when it could not be read.", {
    example: "scan.created"
  }),
  quarantined: field(Schema.NullOr(Schema.String), "Why it is in quarantine; null when it is an event."),
  received_at: field(Schema.String, "When it was received.", { example: "2026-03-20T15:30:00.000Z" }),
  size: field(Schema.Finite, "Bytes of the signed body."),
  sha256: field(Schema.String, "The SHA-256 of the signed body, in hex.")
}

/** The signed body, and the signature over it. */
const signature = "The `X-3QPR-Signature` of the body; empty without one."
const body = "The signed body, in base64."

/** The fields of one entry beside its summary. */
export const signedFields = {
  subject: field(Schema.String, "The subject under which the event is stored in the stream."),
  headers: field(Schema.Record(Schema.String, Schema.String), "The headers of the stored message, by name."),
  signature: field(Schema.String, signature),
  body_base64: field(Schema.String, body)
}

export const EventSummary = model(
  "EventSummary",
  "An entry of the event log. A list has its bytes only with `bodies=true`.",
  Schema.Struct({
    ...summary,
    signature: field(Schema.optionalKey(Schema.String), `${signature} Only with \`bodies=true\`.`),
    body_base64: field(Schema.optionalKey(Schema.String), `${body} Only with \`bodies=true\`.`)
  })
)
export type EventSummary = typeof EventSummary.Type

export const EventDetail = model(
  "Event",
  "An entry of the event log, with its signed bytes.",
  Schema.Struct({ ...summary, ...signedFields })
)
export type EventDetail = typeof EventDetail.Type

export const EventsQuery = Schema.Struct({
  type: field(Schema.optional(EventType), "Only events of this type.", { example: "scan.created" }),
  ...spanOf("time of receipt"),
  after: position(0, "Only entries after this position, oldest first. Without it the page is newest first."),
  before: position(
    1,
    "Only entries before this position, newest first. It has no effect together with `after`."
  ),
  limit: limitOf(1_000),
  wait: field(
    Schema.optional(within(0, 30)),
    "With `after`: the seconds to wait for the first entry, when there is none yet.",
    { default: 0, example: 20 }
  ),
  bodies: field(
    Schema.optional(Schema.Literals(["true", "false"])),
    "`true` adds the signed body and the signature to each entry.",
    { default: "false", example: "true" }
  )
})
export type EventsQuery = typeof EventsQuery.Type

const LogState = model(
  "LogState",
  "The event log as it is now.",
  Schema.Struct({
    created: field(Schema.String, "When the stream was created. Another value means another log."),
    first_sequence: field(Schema.Finite, "The position of the first entry."),
    last_sequence: field(Schema.Finite, "The position of the last entry.")
  })
)

const EventsAnswer = model(
  "EventPage",
  "A page of the event log.",
  Schema.Struct({
    events: field(Schema.Array(EventSummary), "The entries; fewer than `limit` when they are large."),
    cursor: field(Schema.Finite, "The next `after`; newest first, the next `before`."),
    more: field(Schema.Boolean, "Whether there are entries beyond the cursor now."),
    log: field(LogState, "The event log as it is now.")
  })
)
export type EventsAnswer = typeof EventsAnswer.Type

export const EventIdParameter = Schema.Struct({
  id: field(Schema.String, "3QPR's event id, or `sha256:…` of a body without a usable id.", {
    example: "evt_01HXYZ123ABC"
  })
})

/** `/v1/events`: the entries of the event log, including quarantine. */
export const EventsApi = HttpApiGroup.make("events").add(
  HttpApiEndpoint.get("list", "/v1/events", {
    query: EventsQuery,
    success: EventsAnswer,
    error: Unavailable
  }).annotate(OpenApi.Summary, "Entries of the event log"),
  HttpApiEndpoint.get("get", "/v1/events/:id", {
    params: EventIdParameter,
    success: EventDetail,
    error: [NotFound, Unavailable]
  }).annotate(OpenApi.Summary, "One event with its signed bytes")
).annotate(OpenApi.Description, "The event log itself, quarantine included")
