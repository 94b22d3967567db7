import { Schema } from "effect"
import { Count, EntityId, IsoDateTime, Key, maybe } from "./Fields.ts"

/**
 * The data of `conversation.completed`. 3QPR does not document its fields: the key can have the name `id` or
 * `conversation_id`, all other fields are a guess and may be missing.
 */
export const Conversation = Schema.Struct({
  id: maybe(EntityId),
  conversation_id: maybe(EntityId),
  qpr_code_id: maybe(Key),
  scan_id: maybe(Key),
  started_at: maybe(IsoDateTime),
  completed_at: maybe(IsoDateTime),
  messages: maybe(Schema.Unknown),
  message_count: maybe(Count),
  metadata: maybe(Schema.Record(Schema.String, Schema.Unknown))
}).check(Schema.makeFilter((conversation) => keyOf(conversation) != null, {
  expected: "a conversation with `id` or `conversation_id`"
}))
export type Conversation = typeof Conversation.Type

/** The key of a conversation, whichever of the two names 3QPR gave it. */
export const keyOf = (conversation: Pick<Conversation, "id" | "conversation_id">) =>
  conversation.id ?? conversation.conversation_id
