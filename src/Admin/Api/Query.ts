import { Schema } from "effect"

/** A whole number of a query, within bounds. */
export const within = (minimum: number, maximum: number) =>
  Schema.NumberFromString.pipe(Schema.check(Schema.isInt(), Schema.isBetween({ minimum, maximum })))
