import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { isSqlError } from "effect/sql/SqlError"
import { onlyRow } from "../Database/Rows.ts"

/**
 * Held by each batch of a generation until its transaction ends, so that none runs while the projection is
 * switched or the generation completed.
 */
export const share = (name: string, generation: number) =>
  Effect.flatMap(
    SqlClient,
    (sql) =>
      sql`select pg_advisory_xact_lock_shared(hashtext(${`${space}/${name}`})),
        pg_advisory_xact_lock_shared(hashtext(${`${space}/${name}/${generation}`}))`
  )

/**
 * Keeps a projection from being switched, compared or dropped until the transaction ends, beside others that do the
 * same. Whoever also needs a generation's own lock takes this one first, as batches do.
 */
export const keep = (name: string) =>
  Effect.flatMap(
    SqlClient,
    (sql) => sql`select pg_advisory_xact_lock_shared(hashtext(${`${space}/${name}`}))`
  )

/** Waits for a projection's batches that are running and keeps others waiting, until the transaction ends. */
export const exclude = (name: string) =>
  Effect.flatMap(
    SqlClient,
    (sql) => sql`select pg_advisory_xact_lock(hashtext(${`${space}/${name}`}))`
  )

/** The same of one generation's batches; those of the live one continue. */
export const excludeGeneration = (name: string, generation: number) => exclude(`${name}/${generation}`)

/** Whether this process is the one to end a rebuild: false while another one tries. */
export const lead = Effect.fnUntraced(function*(name: string) {
  const sql = yield* SqlClient
  const { leads } = yield* onlyLeads(
    sql`select pg_try_advisory_xact_lock(hashtext(${`${space}/${name}/lead`})) as leads`
  )
  return leads
})

/** Whether a lock was not to be had in time. */
export const isLockTimeout = (error: unknown) => isSqlError(error) && error.reason._tag === "LockTimeoutError"

const onlyLeads = onlyRow(Schema.Struct({ leads: Schema.Boolean }))

const space = "threeqpr-events/projections"
