import { Schema } from "effect"
import { field } from "../../Domain/Documented.ts"
import { metadata } from "./Metadata.ts"
import { limitOf, spanOf, waitFor, within } from "./Query.ts"

/** The parameters of 3QPR's API, and `cursor` as an alternative to `offset`. */
const spanOfRows = (time: string) => ({
  limit: limitOf(200),
  offset: field(
    Schema.optional(within(0, 2_147_483_647)),
    "The number of rows to leave out. Use `cursor` to read all pages.",
    { default: 0, example: 50 }
  ),
  cursor: field(
    Schema.optional(Schema.NonEmptyString),
    "The `next_cursor` of the previous page, instead of `offset`. New rows cause no repeated or missing row.",
    { example: "MjAyNi0wMy0yMFQxNTozMDowMC4wMDAwMDBaIHNjYW5fMQ" }
  ),
  ...spanOf(time),
  ...waitFor
})

const text = (description: string, example: string) =>
  field(Schema.optional(Schema.String), description, { example })

const shortId = text("Only rows with this short id.", "aB3xK9")

const pageQuery = (time: string) => ({
  qpr_code_id: text("Only rows of this code: its id, short id or name.", "qpr_01HXYZ789ABC"),
  ...spanOfRows(time)
})

/** The parameters that every list has. All other parameters are filters. */
export type ListQuery = Schema.Struct<ReturnType<typeof pageQuery>>["Type"] & {
  readonly [filter: string]: unknown
}

/** Each given filter selects rows whose field of the same name is equal to it. */
export const ScansQuery = Schema.StructWithRest(
  Schema.Struct({
    ...pageQuery("`scanned_at`"),
    short_id: shortId,
    country: text("Only scans of this country.", "US"),
    region: text("Only scans of this region.", "California"),
    city: text("Only scans of this city.", "San Francisco"),
    device: text("Only scans of this kind of device.", "mobile")
  }),
  [metadata]
)

export const ConversationsQuery = Schema.StructWithRest(
  Schema.Struct({
    ...pageQuery("`completed_at`"),
    scan_id: text("Only the conversation of this scan.", "scan_01HXYZ456DEF")
  }),
  [metadata]
)

export const QprCodesQuery = Schema.StructWithRest(
  Schema.Struct({
    ...spanOfRows("`created_at`"),
    short_id: shortId,
    status: text("Only codes with this status.", "active")
  }),
  [metadata]
)

export const SubscriptionsQuery = Schema.Struct({
  ...spanOfRows("`updated_at`"),
  status: text("Only subscriptions with this status.", "active"),
  plan: text("Only subscriptions of this plan.", "pro")
})
