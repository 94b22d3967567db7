import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { PointInTime } from "../../Domain/PointInTime.ts"
import { InvalidRequest, NotFound, Unavailable } from "./Problems.ts"
import { AnyText, within } from "./Query.ts"

const extensible = <F extends Schema.Struct.Fields>(fields: F) =>
  Schema.StructWithRest(Schema.Struct(fields), [Schema.Record(Schema.String, Schema.Unknown)])

const Text = Schema.NullOr(Schema.String)

/** A scan as 3QPR's `GET /v1/scans` gives it, and whatever else 3QPR sent with it. */
export const ScanAnswer = extensible({
  id: Schema.String,
  qpr_code_id: Text,
  short_id: Text,
  scanned_at: Schema.String,
  country: Text,
  region: Text,
  city: Text,
  device: Text,
  conversation_started: Schema.NullOr(Schema.Boolean),
  conversation_messages: Schema.NullOr(Schema.Finite),
  metadata: Schema.Unknown
})

/** A completed conversation, and whatever else 3QPR sent with it. */
export const ConversationAnswer = extensible({
  id: Schema.String,
  qpr_code_id: Text,
  scan_id: Text,
  started_at: Text,
  completed_at: Schema.String,
  message_count: Schema.NullOr(Schema.Finite),
  metadata: Schema.Unknown
})

/** A QR code, and whatever else 3QPR sent with it. */
export const QprCodeAnswer = extensible({
  id: Schema.String,
  name: Text,
  short_id: Text,
  scan_url: Text,
  status: Text,
  created_at: Schema.String,
  updated_at: Text,
  metadata: Schema.Unknown
})

/** A subscription as its last event in the log left it, and whatever else 3QPR sent with it. */
export const SubscriptionAnswer = extensible({
  id: Schema.String,
  plan: Text,
  status: Text,
  /** The type of that event. */
  last_event: Schema.String,
  updated_at: Schema.String
})

/**
 * 3QPR's own parameters: 50 rows unless told, 200 at most, `since` inclusive, `until` exclusive. And `cursor`,
 * the `next_cursor` of the page before, in place of `offset`: no row comes twice or is left out because others
 * arrive meanwhile.
 */
const span = {
  limit: Schema.optional(within(1, 200)),
  offset: Schema.optional(within(0, 2_147_483_647)),
  cursor: Schema.optional(Schema.NonEmptyString),
  since: Schema.optional(PointInTime),
  until: Schema.optional(PointInTime)
}
const pageQuery = { qpr_code_id: Schema.optional(Schema.String), ...span }

/** What the parameters of a list are, whatever it lists; the others are filters. */
export type ListQuery = Schema.Struct<typeof pageQuery>["Type"] & { readonly [filter: string]: unknown }

/** Rows whose metadata has this text, number or boolean under this key; several of them must all fit. */
const metadata = Schema.Record(Schema.TemplateLiteral(["metadata.", Schema.String]), Schema.String)

/** Rows fit when each filter that is given equals the field of its name. */
export const ScansQuery = Schema.StructWithRest(
  Schema.Struct({
    ...pageQuery,
    short_id: Schema.optional(Schema.String),
    country: Schema.optional(Schema.String),
    region: Schema.optional(Schema.String),
    city: Schema.optional(Schema.String),
    device: Schema.optional(Schema.String)
  }),
  [metadata]
)
export type ScansQuery = typeof ScansQuery.Type

export const ConversationsQuery = Schema.StructWithRest(
  Schema.Struct({ ...pageQuery, scan_id: Schema.optional(Schema.String) }),
  [metadata]
)
export type ConversationsQuery = typeof ConversationsQuery.Type

export const QprCodesQuery = Schema.StructWithRest(
  Schema.Struct({
    ...span,
    short_id: Schema.optional(Schema.String),
    status: Schema.optional(Schema.String)
  }),
  [metadata]
)

export const SubscriptionsQuery = Schema.Struct({
  ...span,
  status: Schema.optional(Schema.String),
  plan: Schema.optional(Schema.String)
})

/** A form whose names begin with `metadata.`, which is how OpenAPI says that there can be any of them. */
const withMetadata = (operation: Readonly<Record<string, unknown>>) => ({
  ...operation,
  parameters: [...Array.isArray(operation["parameters"]) ? operation["parameters"] : [], {
    name: "metadata",
    in: "query",
    required: false,
    description:
      "`metadata.<key>=<value>`: rows whose metadata has this text, number or boolean under this key.",
    style: "form",
    explode: true,
    schema: {
      type: "object",
      patternProperties: { "^metadata[.]": { type: "string" } },
      additionalProperties: false
    }
  }]
})

const page = {
  total: Schema.Finite,
  limit: Schema.Finite,
  offset: Schema.Finite,
  /** Where the next page begins; null on the last one. */
  next_cursor: Text
}

const Id = Schema.Struct({ id: Schema.String })

/** `/v1/scans`: 3QPR's own parameters and field names. */
export const Scans = HttpApiGroup.make("scans").add(
  HttpApiEndpoint.get("list", "/v1/scans", {
    query: ScansQuery,
    success: Schema.Struct({ scans: Schema.Array(ScanAnswer), ...page }),
    error: [InvalidRequest, Unavailable]
  }).annotate(AnyText, true).annotate(OpenApi.Summary, "Scans, the newest first").annotate(
    OpenApi.Transform,
    withMetadata
  ),
  HttpApiEndpoint.get("get", "/v1/scans/:id", {
    params: Id,
    success: ScanAnswer,
    error: [NotFound, Unavailable]
  }).annotate(AnyText, true).annotate(OpenApi.Summary, "One scan")
).annotate(OpenApi.Description, "Scans as 3QPR's own API gives them")

/** `/v1/conversations`, the same for conversations. */
export const Conversations = HttpApiGroup.make("conversations").add(
  HttpApiEndpoint.get("list", "/v1/conversations", {
    query: ConversationsQuery,
    success: Schema.Struct({ conversations: Schema.Array(ConversationAnswer), ...page }),
    error: [InvalidRequest, Unavailable]
  }).annotate(AnyText, true).annotate(OpenApi.Summary, "Completed conversations, the newest first").annotate(
    OpenApi.Transform,
    withMetadata
  ),
  HttpApiEndpoint.get("get", "/v1/conversations/:id", {
    params: Id,
    success: ConversationAnswer,
    error: [NotFound, Unavailable]
  }).annotate(AnyText, true).annotate(OpenApi.Summary, "One conversation")
).annotate(OpenApi.Description, "Completed conversations")

/** `/v1/qpr-codes`: the codes of events and of 3QPR's list. */
export const QprCodes = HttpApiGroup.make("qprCodes").add(
  HttpApiEndpoint.get("list", "/v1/qpr-codes", {
    query: QprCodesQuery,
    success: Schema.Struct({ qpr_codes: Schema.Array(QprCodeAnswer), ...page }),
    error: [InvalidRequest, Unavailable]
  }).annotate(AnyText, true).annotate(OpenApi.Summary, "QR codes, the last created first").annotate(
    OpenApi.Transform,
    withMetadata
  ),
  HttpApiEndpoint.get("get", "/v1/qpr-codes/:id", {
    params: Id,
    success: QprCodeAnswer,
    error: [InvalidRequest, NotFound, Unavailable]
  }).annotate(AnyText, true).annotate(OpenApi.Summary, "One QR code: by its id, short id or name")
).annotate(OpenApi.Description, "QR codes, as the events about them and 3QPR's list of codes say")

/** `/v1/subscriptions`, the same for subscriptions. */
export const Subscriptions = HttpApiGroup.make("subscriptions").add(
  HttpApiEndpoint.get("list", "/v1/subscriptions", {
    query: SubscriptionsQuery,
    success: Schema.Struct({ subscriptions: Schema.Array(SubscriptionAnswer), ...page }),
    error: [InvalidRequest, Unavailable]
  }).annotate(AnyText, true).annotate(OpenApi.Summary, "Subscriptions, the last changed first"),
  HttpApiEndpoint.get("get", "/v1/subscriptions/:id", {
    params: Id,
    success: SubscriptionAnswer,
    error: [NotFound, Unavailable]
  }).annotate(AnyText, true).annotate(OpenApi.Summary, "One subscription")
).annotate(OpenApi.Description, "Subscriptions, as the events about them say")
