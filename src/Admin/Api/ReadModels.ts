import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { field, model } from "../../Domain/Documented.ts"
import { withMetadata } from "./Metadata.ts"
import { InvalidRequest, NotApplied, NotFound, Unavailable } from "./Problems.ts"
import { AnyText, waitFor } from "./Query.ts"
import { ConversationsQuery, QprCodesQuery, ScansQuery, SubscriptionsQuery } from "./RowQueries.ts"

const extensible = <F extends Schema.Struct.Fields>(fields: F) =>
  Schema.StructWithRest(Schema.Struct(fields), [Schema.Record(Schema.String, Schema.Unknown)])

const Text = Schema.NullOr(Schema.String)

const ofCode = field(Text, "The id of the code; null when 3QPR sent none.", { example: "qpr_01HXYZ789ABC" })
const metadataField = field(Schema.Unknown, "The metadata that 3QPR sent, as it is.")

export const ScanAnswer = model(
  "Scan",
  "A scan as 3QPR's `GET /v1/scans` returns it, with every additional field that 3QPR sent.",
  extensible({
    id: field(Schema.String, "The id of the scan.", { example: "scan_01HXYZ456DEF" }),
    qpr_code_id: ofCode,
    short_id: field(Text, "The short id of the code; null when 3QPR sent none."),
    scanned_at: field(Schema.String, "When the code was scanned.", { example: "2026-03-20T15:30:00Z" }),
    country: field(Text, "The country of the scan; null when 3QPR did not know it.", { example: "US" }),
    region: field(Text, "The region of the scan; null when 3QPR did not know it."),
    city: field(Text, "The city of the scan; null when 3QPR did not know it."),
    device: field(Text, "The kind of device; null when 3QPR did not know it.", { example: "mobile" }),
    conversation_started: field(
      Schema.NullOr(Schema.Boolean),
      "Whether a conversation began; null when 3QPR did not say."
    ),
    conversation_messages: field(
      Schema.NullOr(Schema.Finite),
      "The number of messages of the conversation; null when 3QPR did not say."
    ),
    metadata: metadataField
  })
)

export const ConversationAnswer = model(
  "Conversation",
  "A completed conversation, with every additional field that 3QPR sent.",
  extensible({
    id: field(Schema.String, "The id of the conversation.", { example: "conv_01HXYZ456DEF" }),
    qpr_code_id: ofCode,
    scan_id: field(Text, "The id of the scan that began it; null when 3QPR sent none."),
    started_at: field(Text, "When it began; null when 3QPR sent no time."),
    completed_at: field(Schema.String, "When it ended, or when its event was received.", {
      example: "2026-03-20T15:42:00Z"
    }),
    message_count: field(
      Schema.NullOr(Schema.Finite),
      "The number of its messages; null when 3QPR did not say."
    ),
    metadata: metadataField
  })
)

export const QprCodeAnswer = model(
  "QprCode",
  "A QR code, with every additional field that 3QPR sent.",
  extensible({
    id: field(Schema.String, "The id of the code.", { example: "qpr_01HXYZ789ABC" }),
    name: field(Text, "The name of the code; null when 3QPR sent none."),
    short_id: field(Text, "The short id of the code; null when 3QPR sent none."),
    scan_url: field(Text, "The address that the code leads to; null when 3QPR sent none."),
    status: field(Text, "The status of the code; null when 3QPR sent none.", { example: "active" }),
    created_at: field(Schema.String, "When it was created, or when its event was received."),
    updated_at: field(Text, "When it was changed last; null when 3QPR sent no time."),
    metadata: metadataField
  })
)

export const SubscriptionAnswer = model(
  "Subscription",
  "A subscription as its last event in the log left it, with every additional field that 3QPR sent.",
  extensible({
    id: field(Schema.String, "The id of the subscription."),
    plan: field(Text, "The plan; null when 3QPR sent none."),
    status: field(Text, "The status; null when 3QPR sent none.", { example: "active" }),
    last_event: field(Schema.String, "The type of its last event.", { example: "subscription.upgraded" }),
    updated_at: field(Schema.String, "When it was changed, or when its last event was received.")
  })
)

const page = {
  total: field(Schema.Finite, "The number of rows that fit, on all pages."),
  limit: field(Schema.Finite, "The largest number of rows of the page."),
  offset: field(Schema.Finite, "The number of rows that were left out."),
  next_cursor: field(Text, "The `cursor` of the next page; null on the last page.")
}

const ScansAnswer = model(
  "ScanPage",
  "A page of scans.",
  Schema.Struct({ scans: field(Schema.Array(ScanAnswer), "The scans, newest first."), ...page })
)

const ConversationsAnswer = model(
  "ConversationPage",
  "A page of conversations.",
  Schema.Struct({
    conversations: field(Schema.Array(ConversationAnswer), "The conversations, newest first."),
    ...page
  })
)

const QprCodesAnswer = model(
  "QprCodePage",
  "A page of QR codes.",
  Schema.Struct({ qpr_codes: field(Schema.Array(QprCodeAnswer), "The codes, last created first."), ...page })
)

const SubscriptionsAnswer = model(
  "SubscriptionPage",
  "A page of subscriptions.",
  Schema.Struct({
    subscriptions: field(Schema.Array(SubscriptionAnswer), "The subscriptions, last changed first."),
    ...page
  })
)

const idOf = (what: string, example: string) =>
  Schema.Struct({ id: field(Schema.String, `The id of the ${what}.`, { example }) })

/** The parameter that names a code. */
export const CodeId = field(Schema.String, "The id, short id or name of the code.", {
  example: "qpr_01HXYZ789ABC"
})

/** `/v1/scans`, with the parameters and field names of 3QPR's API. */
export const ScansApi = HttpApiGroup.make("scans").add(
  HttpApiEndpoint.get("list", "/v1/scans", {
    query: ScansQuery,
    success: ScansAnswer,
    error: [InvalidRequest, NotApplied, Unavailable]
  }).annotate(AnyText, true).annotate(OpenApi.Summary, "Scans, the newest first").annotate(
    OpenApi.Transform,
    withMetadata
  ),
  HttpApiEndpoint.get("get", "/v1/scans/:id", {
    params: idOf("scan", "scan_01HXYZ456DEF"),
    query: Schema.Struct(waitFor),
    success: ScanAnswer,
    error: [NotApplied, NotFound, Unavailable]
  }).annotate(AnyText, true).annotate(OpenApi.Summary, "One scan")
).annotate(OpenApi.Description, "Scans in the form of 3QPR's own API")

/** `/v1/conversations`, with the parameters and field names of 3QPR's API. */
export const ConversationsApi = HttpApiGroup.make("conversations").add(
  HttpApiEndpoint.get("list", "/v1/conversations", {
    query: ConversationsQuery,
    success: ConversationsAnswer,
    error: [InvalidRequest, NotApplied, Unavailable]
  }).annotate(AnyText, true).annotate(OpenApi.Summary, "Completed conversations, the newest first").annotate(
    OpenApi.Transform,
    withMetadata
  ),
  HttpApiEndpoint.get("get", "/v1/conversations/:id", {
    params: idOf("conversation", "conv_01HXYZ456DEF"),
    query: Schema.Struct(waitFor),
    success: ConversationAnswer,
    error: [NotApplied, NotFound, Unavailable]
  }).annotate(AnyText, true).annotate(OpenApi.Summary, "One conversation")
).annotate(OpenApi.Description, "Completed conversations")

/** `/v1/qpr-codes`: the codes that events or 3QPR's list of codes name. */
export const QprCodesApi = HttpApiGroup.make("qprCodes").add(
  HttpApiEndpoint.get("list", "/v1/qpr-codes", {
    query: QprCodesQuery,
    success: QprCodesAnswer,
    error: [InvalidRequest, NotApplied, Unavailable]
  }).annotate(AnyText, true).annotate(OpenApi.Summary, "QR codes, the last created first").annotate(
    OpenApi.Transform,
    withMetadata
  ),
  HttpApiEndpoint.get("get", "/v1/qpr-codes/:id", {
    params: Schema.Struct({ id: CodeId }),
    query: Schema.Struct(waitFor),
    success: QprCodeAnswer,
    error: [InvalidRequest, NotApplied, NotFound, Unavailable]
  }).annotate(AnyText, true).annotate(OpenApi.Summary, "One QR code: by its id, short id or name")
).annotate(OpenApi.Description, "QR codes, from events and from 3QPR's list of codes")

/** `/v1/subscriptions`: the subscriptions that events name. */
export const SubscriptionsApi = HttpApiGroup.make("subscriptions").add(
  HttpApiEndpoint.get("list", "/v1/subscriptions", {
    query: SubscriptionsQuery,
    success: SubscriptionsAnswer,
    error: [InvalidRequest, NotApplied, Unavailable]
  }).annotate(AnyText, true).annotate(OpenApi.Summary, "Subscriptions, the last changed first"),
  HttpApiEndpoint.get("get", "/v1/subscriptions/:id", {
    params: idOf("subscription", "sub_01HXYZ456DEF"),
    query: Schema.Struct(waitFor),
    success: SubscriptionAnswer,
    error: [NotApplied, NotFound, Unavailable]
  }).annotate(AnyText, true).annotate(OpenApi.Summary, "One subscription")
).annotate(OpenApi.Description, "Subscriptions, from their events")
