import { Schema } from "effect"
import { Count, EntityId, IsoDateTime, Key, maybe } from "./Fields.ts"

/**
 * The data of `conversation.completed`. 3QPR does not document its fields. The key can be `id` or `conversation_id`.
 * All other fields are assumptions and may be missing.
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

/** The key of a conversation, from whichever of the two fields holds it. */
export const keyOf = (conversation: Pick<Conversation, "id" | "conversation_id">) =>
  conversation.id ?? conversation.conversation_id
