import { Schema } from "effect"

/**
 * What is to be forgotten: a code with its scans and their conversations, one conversation, or what one event is
 * about.
 */
export const Target = Schema.Struct({
  kind: Schema.Literals(["qpr_code", "conversation", "event"]),
  id: Schema.String
})
export type Target = typeof Target.Type
