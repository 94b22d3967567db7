import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"

/**
 * What a transaction has changed in a live read model. `changed`: rows were made from events of these sequences.
 * `removed`: rows that were made from them are deleted. `rebuilt`: every row may have changed.
 */
export interface Change {
  readonly name: string
  readonly kind: "changed" | "removed" | "rebuilt"
  readonly sequences: ReadonlyArray<number>
}

/** The channel of the notifications. */
export const channel = "threeqpr_changes"

/**
 * Records what the current transaction has changed, and notifies listeners when it commits. Call it last, because it
 * holds a lock until then. So the positions of changes are in the order of their commits, whichever process they come
 * from: a reader that has seen a position has seen every lower one.
 */
export const announce = Effect.fn("Changes.announce")(function*({ kind, name, sequences }: Change) {
  if (sequences.length === 0 && kind !== "rebuilt") return
  const sql = yield* SqlClient
  const highest = sequences.reduce((most, sequence) => Math.max(most, sequence), 0)
  // A statement of its own: the number of the row below must be taken under the lock.
  yield* sql`select pg_advisory_xact_lock(hashtext('threeqpr-events/changes'))`
  yield* sql`
    with added as (
      insert into changes (name, kind, sequences) values (${name}, ${kind}, ${sequences}::bigint[])
      returning position
    )
    select pg_notify(${channel}, json_build_object('projection', ${name}::text, 'sequence', ${highest}::bigint,
      'position', position)::text) from added`
})
