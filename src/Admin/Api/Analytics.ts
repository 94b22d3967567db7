import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { InvalidRequest, NotFound, Unavailable } from "./Problems.ts"
import { AnyText } from "./Query.ts"

/** 3QPR's own parameters, and its defaults. */
export const AnalyticsQuery = Schema.Struct({
  /** `30d` unless told. A period ends now and begins with the day, in UTC, that it reaches back to. */
  period: Schema.optional(Schema.Literals(["7d", "30d", "90d", "all"])),
  /** `day` unless told; weeks begin on Monday; all in UTC. */
  granularity: Schema.optional(Schema.Literals(["hour", "day", "week"]))
})
export type AnalyticsQuery = typeof AnalyticsQuery.Type

const Text = Schema.NullOr(Schema.String)

const analytics = {
  period: Schema.String,
  granularity: Schema.String,
  scans_total: Schema.Finite,
  /** Conversations started for each scan, to two decimals. */
  conversation_rate: Schema.Finite,
  /** For each conversation that was started, to one decimal. */
  avg_messages_per_conversation: Schema.Finite,
  /** At most ten, the most scans first; null is what 3QPR did not know. */
  top_countries: Schema.Array(Schema.Struct({ country: Text, scans: Schema.Finite })),
  top_devices: Schema.Array(Schema.Struct({ device: Text, scans: Schema.Finite })),
  /** Conversations that ended in the period. */
  conversations_completed: Schema.Finite,
  /**
   * The hours (`2026-03-20T15:00:00Z`), days or weeks (`2026-03-16`) that have any, the oldest first; at most the
   * last 10,000.
   */
  timeseries: Schema.Array(Schema.Struct({
    date: Schema.String,
    scans: Schema.Finite,
    conversations_completed: Schema.Finite
  }))
}

/** As 3QPR's own, but for `scans_unique_devices`: no event tells one device from another. */
export const CodeAnalytics = Schema.Struct({ qpr_code_id: Schema.String, ...analytics })
export type CodeAnalytics = typeof CodeAnalytics.Type

/** The same of all codes together, and which codes have the most scans. */
export const AllAnalytics = Schema.Struct({
  ...analytics,
  top_codes: Schema.Array(
    Schema.Struct({ qpr_code_id: Text, name: Text, short_id: Text, scans: Schema.Finite })
  )
})
export type AllAnalytics = typeof AllAnalytics.Type

/** Analytics from counters: what they cost grows with hours, countries and devices, not with scans. */
export const Analytics = HttpApiGroup.make("analytics").add(
  HttpApiEndpoint.get("code", "/v1/qpr-codes/:id/analytics", {
    params: Schema.Struct({ id: Schema.String }),
    query: AnalyticsQuery,
    success: CodeAnalytics,
    error: [InvalidRequest, NotFound, Unavailable]
  }).annotate(AnyText, true).annotate(
    OpenApi.Summary,
    "Analytics of one QR code: by its id, short id or name"
  ),
  HttpApiEndpoint.get("all", "/v1/analytics", {
    query: AnalyticsQuery,
    success: AllAnalytics,
    error: Unavailable
  }).annotate(OpenApi.Summary, "Analytics of all QR codes together")
).annotate(
  OpenApi.Description,
  "From counters: what they cost grows with hours and countries, not with scans"
)
