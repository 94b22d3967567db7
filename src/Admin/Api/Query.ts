import { Context, Schema } from "effect"
import { field } from "../../Domain/Documented.ts"
import { PointInTime } from "../../Domain/PointInTime.ts"

/** Text that Postgres can hold as it is. */
export const Text = Schema.String.check(
  Schema.makeFilter((text) => !text.includes("\0") && text.isWellFormed(), {
    expected: "text without the character U+0000, and without half of a surrogate pair"
  })
)

/**
 * Whether the schemas of an operation decide which text it takes. All other operations refuse what Postgres cannot hold
 * in any parameter and field.
 */
export const AnyText = Context.Reference<boolean>("threeqpr-events/Admin/AnyText", {
  defaultValue: () => false
})

/** A whole number of a query, within bounds. */
export const within = (minimum: number, maximum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** The number of entries of a page when the caller names none. */
export const usualLimit = 50

/** The parameter `limit` of a list. */
export const limitOf = (maximum: number, usual: number = usualLimit) =>
  field(Schema.optional(within(1, maximum)), "The largest number of entries of the page.", {
    default: usual,
    example: 10
  })

/** A position in the stream, as a parameter. */
export const position = (minimum: number, description: string) =>
  field(Schema.optional(within(minimum, Number.MAX_SAFE_INTEGER)), description, { example: 1_234 })

const forms = "A timestamp, a date in UTC, or a duration before now such as `2h`."

/** The parameters `since` and `until` for the time of what is listed. */
export const spanOf = (time: string) => ({
  since: field(
    Schema.optional(PointInTime),
    `Only entries whose ${time} is at or after this time. ${forms}`,
    {
      example: "2026-03-20T00:00:00Z"
    }
  ),
  until: field(Schema.optional(PointInTime), `Only entries whose ${time} is before this time. ${forms}`, {
    example: "2026-03-21"
  })
})
