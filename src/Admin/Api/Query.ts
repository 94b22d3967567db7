import { Context, Schema } from "effect"
import { field } from "../../Domain/Documented.ts"
import { PointInTime } from "../../Domain/PointInTime.ts"

/** Text that Postgres can store unchanged. */
export const Text = Schema.String.check(
  Schema.makeFilter((text) => !text.includes("\0") && text.isWellFormed(), {
    expected: "text without the character U+0000 and without unpaired surrogates"
  })
)

/**
 * Whether the schemas of an operation alone decide which text is valid. All other operations refuse text that
 * Postgres cannot store, in every parameter and field.
 */
export const AnyText = Context.Reference<boolean>("threeqpr-events/Admin/AnyText", {
  defaultValue: () => false
})

/** An integer within bounds. */
export const within = (minimum: number, maximum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Default number of entries of a page. */
export const usualLimit = 50

/** The parameter `limit` of a list. */
export const limitOf = (maximum: number, usual: number = usualLimit) =>
  field(Schema.optional(within(1, maximum)), "The largest number of entries of the page.", {
    default: usual,
    example: 10
  })

/** A sequence of the stream, as a parameter. */
export const position = (minimum: number, description: string) =>
  field(Schema.optional(within(minimum, Number.MAX_SAFE_INTEGER)), description, { example: 1_234 })

/** The parameter `wait_for` of reads of a read model. */
export const waitFor = {
  wait_for: position(
    0,
    "Answer when the read model has finished the log up to this sequence, or 504 after ten seconds. An event that is a "
      + "dead letter counts as finished."
  )
}

const forms = "A timestamp, a date in UTC, or a duration before now such as `2h`."

/** The parameters `since` and `until`, which filter a list by time. */
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
