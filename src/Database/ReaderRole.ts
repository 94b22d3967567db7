import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { messageOf } from "../Process/Failure.ts"
import { allRows } from "./Rows.ts"
import { isTransient } from "./SqlFailure.ts"

/** The role that may only read the views of the read models. */
export const readerRole = "threeqpr_reader"

/**
 * Creates the reader role, if the database's user may do so, and lets it read these views. Without that right it logs
 * where the statements for an administrator are. Call it in a transaction.
 */
export const createReader = Effect.fnUntraced(function*(views: ReadonlyArray<string>) {
  const sql = yield* SqlClient
  const role = sql.literal(readerRole)
  const exists = Effect.map(
    sql`select 1 from pg_roles where rolname = ${readerRole}`,
    (roles) => roles.length > 0
  )
  const create = Effect.gen(function*() {
    // Another database of this server may create the role at the same moment.
    if (!(yield* exists)) {
      yield* sql.withTransaction(sql`create role ${role} nologin`).pipe(
        Effect.catch((error) => Effect.flatMap(exists, (done) => done ? Effect.void : Effect.fail(error)))
      )
    }
    const missing = yield* sql`select 1 where not pg_has_role(current_user, ${readerRole}, 'member')`
    if (missing.length > 0) yield* sql`grant ${role} to current_user`
    const hidden = yield* sql`
      select 1 where not has_schema_privilege(${readerRole}, current_schema(), 'usage')`
    if (hidden.length > 0) {
      yield* sql`do $$ begin execute format('grant usage on schema %I to threeqpr_reader', current_schema()); end $$`
    }
    for (const view of views) yield* sql`grant select on ${sql(view)} to ${role}`
  })
  yield* sql.withTransaction(create).pipe(
    Effect.catch((error) =>
      isTransient(error) ? Effect.fail(error) : Effect.logInfo(
        `The role ${readerRole} was not created: ${
          messageOf(error)
        }. \`threeqpr sql\` needs it. docs/sql.md has the `
          + "statements for an administrator."
      )
    )
  )
})

/** The same for the views that the read models have when the role is introduced. Later views get the grant when new. */
export const createReaderOfViews = Effect.gen(function*() {
  const sql = yield* SqlClient
  const views = yield* allViews(sql`
    select relname as view from pg_class
    where relkind = 'v' and relnamespace = current_schema()::regnamespace and (relname = 'scan_counts'
      or relname in (select jsonb_array_elements_text(tables) from projections where tables is not null))`)
  yield* createReader(views.map(({ view }) => view))
})

const allViews = allRows(Schema.Struct({ view: Schema.String }))
