import { Schema } from "effect"
import { field, model } from "./Documented.ts"

/** What an erasure removes. */
export const Target = model(
  "ErasureTarget",
  "What is erased: a code with its scans and their conversations, one conversation, or the entity of one event.",
  Schema.Struct({
    kind: field(Schema.Literals(["qpr_code", "conversation", "event"]), "The kind of what is erased."),
    id: field(Schema.String, "The id of the code, of the conversation or of the event.")
  })
)
export type Target = typeof Target.Type
