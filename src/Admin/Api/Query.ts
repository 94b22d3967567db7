import { Context, Schema } from "effect"

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
