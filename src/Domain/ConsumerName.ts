import { Schema } from "effect"

/** The name of a consumer, such as scans-1. */
export const ConsumerName = Schema.String.check(
  Schema.isPattern(/^[^\s.:*>]{1,200}$/, { expected: "the name of a consumer, such as scans-1" })
)
