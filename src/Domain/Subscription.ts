import { Schema } from "effect"
import { EntityId, IsoDateTime, Key, maybe } from "./Fields.ts"

/** The data of `subscription.upgraded` and `subscription.cancelled`; 3QPR does not document its fields. */
export const Subscription = Schema.Struct({
  id: EntityId,
  plan: maybe(Schema.String),
  status: maybe(Key),
  updated_at: maybe(IsoDateTime)
})
export type Subscription = typeof Subscription.Type
