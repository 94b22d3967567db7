import { Schema } from "effect"

/** Text that Postgres can hold: it has no NUL character. */
export const Text = Schema.String.check(
  Schema.makeFilter((text) => !text.includes("\0"), { expected: "text without NUL characters" })
)

/** A whole number of a query, within bounds. */
export const within = (minimum: number, maximum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))
