import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { field, model } from "../../Domain/Documented.ts"
import { InvalidRequest, NotApplied, NotFound, Unavailable } from "./Problems.ts"
import { AnyText, waitFor } from "./Query.ts"
import { CodeId } from "./ReadModels.ts"

/** The parameters and defaults of 3QPR's API. */
export const AnalyticsQuery = Schema.Struct({
  period: field(
    Schema.optional(Schema.Literals(["7d", "30d", "90d", "all"])),
    "The length of the period. It ends now, and begins at the start of a day in UTC.",
    { default: "30d", example: "7d" }
  ),
  granularity: field(
    Schema.optional(Schema.Literals(["hour", "day", "week"])),
    "The length of each entry of the time series, in UTC. Weeks begin on Monday.",
    { default: "day", example: "week" }
  ),
  ...waitFor
})
export type AnalyticsQuery = typeof AnalyticsQuery.Type

const Text = Schema.NullOr(Schema.String)

const ofCountry = model(
  "CountryScans",
  "The scans of one country.",
  Schema.Struct({
    country: field(Text, "The country; null when 3QPR did not know it."),
    scans: field(Schema.Finite, "The number of scans.")
  })
)

const ofDevice = model(
  "DeviceScans",
  "The scans of one kind of device.",
  Schema.Struct({
    device: field(Text, "The kind of device; null when 3QPR did not know it."),
    scans: field(Schema.Finite, "The number of scans.")
  })
)

const ofCode = model(
  "CodeScans",
  "The scans of one code.",
  Schema.Struct({
    qpr_code_id: field(Text, "The id of the code; null when the scans name none."),
    name: field(Text, "The name of the code; null when no event of the code names it."),
    short_id: field(Text, "The short id of the code; null when no event of the code names it."),
    scans: field(Schema.Finite, "The number of scans.")
  })
)

const Entry = model(
  "AnalyticsEntry",
  "One hour, day or week of a time series.",
  Schema.Struct({
    date: field(
      Schema.String,
      "The hour (`2026-03-20T15:00:00Z`), the day, or the Monday of the week (`2026-03-16`)."
    ),
    scans: field(Schema.Finite, "The number of scans."),
    conversations_completed: field(Schema.Finite, "The number of conversations that ended.")
  })
)

const analytics = {
  period: field(Schema.String, "The period of the numbers."),
  granularity: field(Schema.String, "The length of each entry of the time series."),
  scans_total: field(Schema.Finite, "The number of scans in the period."),
  conversation_rate: field(Schema.Finite, "Conversations that were started for each scan, to two decimals."),
  avg_messages_per_conversation: field(
    Schema.Finite,
    "Messages for each conversation that was started, to one decimal."
  ),
  top_countries: field(Schema.Array(ofCountry), "The countries with the most scans, at most 10."),
  top_devices: field(Schema.Array(ofDevice), "The kinds of device with the most scans, at most 10."),
  conversations_completed: field(Schema.Finite, "The number of conversations that ended in the period."),
  timeseries: field(
    Schema.Array(Entry),
    "The hours, days or weeks that have scans or conversations, oldest first; at most the last 10,000."
  )
}

/** The fields of 3QPR's API without `scans_unique_devices`: no event identifies a device. */
export const CodeAnalytics = model(
  "CodeAnalytics",
  "The analytics of one code.",
  Schema.Struct({ qpr_code_id: field(Schema.String, "The id of the code."), ...analytics })
)
export type CodeAnalytics = typeof CodeAnalytics.Type

/** The same analytics for all codes together, with the codes that have the most scans. */
export const AllAnalytics = model(
  "Analytics",
  "The analytics of all codes together.",
  Schema.Struct({
    ...analytics,
    top_codes: field(Schema.Array(ofCode), "The codes with the most scans, at most 10.")
  })
)
export type AllAnalytics = typeof AllAnalytics.Type

/**
 * Analytics from counters. Their cost grows with the number of hours, countries and devices, not with the number of
 * scans.
 */
export const AnalyticsApi = HttpApiGroup.make("analytics").add(
  HttpApiEndpoint.get("code", "/v1/qpr-codes/:id/analytics", {
    params: Schema.Struct({ id: CodeId }),
    query: AnalyticsQuery,
    success: CodeAnalytics,
    error: [InvalidRequest, NotApplied, NotFound, Unavailable]
  }).annotate(AnyText, true).annotate(
    OpenApi.Summary,
    "Analytics of one QR code: by its id, short id or name"
  ),
  HttpApiEndpoint.get("all", "/v1/analytics", {
    query: AnalyticsQuery,
    success: AllAnalytics,
    error: [NotApplied, Unavailable]
  }).annotate(OpenApi.Summary, "Analytics of all QR codes together")
).annotate(
  OpenApi.Description,
  "Answered from counters. The cost depends on the number of hours and countries, not of scans"
)
