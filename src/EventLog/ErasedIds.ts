import { Context, Effect } from "effect"

/**
 * The ids of erased events, as far as a receiver knows them. If it does not know one, it stores the event again, and
 * the role `admin` erases it again.
 */
export interface ErasedIds {
  /** Whether the id could be erased. It sends no request. False for most ids that are not erased. */
  readonly mayHave: (id: string) => boolean
  /** Whether the id is erased, according to the broker. False if the broker does not answer in time. */
  readonly has: (id: string) => Effect.Effect<boolean>
}

/** Without a layer, no erased id is known. */
export const ErasedIds = Context.Reference<ErasedIds>("threeqpr-events/EventLog/ErasedIds", {
  defaultValue: () => ({ mayHave: () => false, has: () => Effect.succeed(false) })
})
