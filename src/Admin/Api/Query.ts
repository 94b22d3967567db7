import { Schema } from "effect"

/** A whole number of a query, within bounds. */
export const within = (minimum: number, maximum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))
