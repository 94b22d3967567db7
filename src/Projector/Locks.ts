import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { isSqlError } from "effect/sql/SqlError"
import { onlyRow } from "../Database/Rows.ts"

/**
 * Takes the locks that each batch of a generation holds until its transaction ends. No batch runs while the
 * projection is promoted or the generation is completed.
 */
export const share = (name: string, generation: number) =>
  Effect.flatMap(
    SqlClient,
    (sql) =>
      sql`select pg_advisory_xact_lock_shared(hashtext(${`${space}/${name}`})),
        pg_advisory_xact_lock_shared(hashtext(${`${space}/${name}/${generation}`}))`
  )

/**
 * Prevents promotion, comparison and removal of a projection's generations, until the transaction ends. Several
 * transactions can hold this lock. A caller that also needs a generation's own lock takes this one first, as batches
 * do.
 */
export const keep = (name: string) =>
  Effect.flatMap(
    SqlClient,
    (sql) => sql`select pg_advisory_xact_lock_shared(hashtext(${`${space}/${name}`}))`
  )

/** Waits for the running batches of a projection and blocks new ones, until the transaction ends. */
export const exclude = (name: string) =>
  Effect.flatMap(
    SqlClient,
    (sql) => sql`select pg_advisory_xact_lock(hashtext(${`${space}/${name}`}))`
  )

/** Like `exclude`, for the batches of one generation. Batches of other generations continue. */
export const excludeGeneration = (name: string, generation: number) => exclude(`${name}/${generation}`)

/** Tries to take the lock for ending a rebuild, until the transaction ends. False while another process holds it. */
export const lead = Effect.fnUntraced(function*(name: string) {
  const sql = yield* SqlClient
  const { leads } = yield* onlyLeads(
    sql`select pg_try_advisory_xact_lock(hashtext(${`${space}/${name}/lead`})) as leads`
  )
  return leads
})

/** Whether an error means that a lock was not acquired in time. */
export const isLockTimeout = (error: unknown) => isSqlError(error) && error.reason._tag === "LockTimeoutError"

const onlyLeads = onlyRow(Schema.Struct({ leads: Schema.Boolean }))

const space = "threeqpr-events/projections"
