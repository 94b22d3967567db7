import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { onlyRow } from "../../Database/Rows.ts"
import { announce } from "../Changes/Announce.ts"
import { revisionOf, typesOf } from "../Definition.ts"
import type { Projection } from "../Projection.ts"
import { end, type Rebuild } from "../Registry.ts"
import { replaceViews, tablesOf } from "../Tables.ts"
import { NotCaughtUp } from "./CatchUp.ts"

/**
 * Makes a rebuilt generation the live one, in a transaction that excludes batches. Readers of the views wait at most
 * half a second. The lock timeout ends before Postgres checks for deadlocks, and the promotion is retried.
 */
export const promoteGeneration = Effect.fn("Projector.switchTo")(
  function*(projection: Projection, rebuild: Rebuild, live: number, events: number) {
    const sql = yield* SqlClient
    const { generation, id } = rebuild
    const { name, version } = projection
    yield* sql`set local lock_timeout = '500ms'`
    const { tables } = yield* onlyTables(sql`
      select coalesce(tables, ${tablesOf(projection)}::text::jsonb) as tables from projections
      where name = ${name}`)
    yield* sql.unsafe(`lock table ${tables.join(", ")} in access exclusive mode`)
    yield* replaceViews(projection, generation, tables)
    yield* sql`
      update projections set generation = ${generation}, version = ${version},
        claimed_version = ${version}, revision = ${revisionOf(projection)},
        types = ${typesOf(projection)}::text::jsonb, error = null, error_at = null, log = ${rebuild.log},
        tables = ${tablesOf(projection)}::text::jsonb, definition = ${projection.own?.hash ?? null}
      where name = ${name}`
    yield* sql`
      update rebuilds set retires = ${live}, retired_tables = ${JSON.stringify(tables)}::text::jsonb
      where id = ${id}`
    if (!(yield* end(id, "switched", { result: { events } }))) {
      return yield* new NotCaughtUp({ message: "cancelled" })
    }
    yield* announce({ name, kind: "rebuilt", sequences: [] })
    yield* Effect.logInfo(
      `projection ${name}: generation ${generation} is live, built from ${events} events`
    )
  }
)

const onlyTables = onlyRow(Schema.Struct({ tables: Schema.Array(Schema.String) }))
