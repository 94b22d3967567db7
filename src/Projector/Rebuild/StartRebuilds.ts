import { Context, Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { allRows } from "../../Database/Rows.ts"
import type { Projection } from "../Projection.ts"
import { find } from "../Registry.ts"
import { freshDurable } from "../Tables.ts"
import { begin, request } from "./Rebuilds.ts"

/** Whether a rebuild starts without a command when the version of a projection is newer than its live tables. */
export const AutoRebuild = Context.Reference<boolean>("threeqpr-events/Projector/AutoRebuild", {
  defaultValue: () => false
})

const allCandidates = allRows(
  Schema.Struct({
    name: Schema.String,
    version: Schema.Finite,
    rebuild_wanted: Schema.NullOr(Schema.String),
    /** The newest version that a rebuild was started for; 0 without one. */
    tried: Schema.Finite
  })
)

/**
 * Starts the rebuilds that are due: after an erasure from a read model that cannot remove single rows, and, with
 * `AutoRebuild`, of a newer version. A version is tried once, so that a rebuild that fails is not repeated.
 */
export const startRebuilds = Effect.fn("Rebuilds.startRebuilds")(
  function*(projections: ReadonlyArray<Projection>) {
    const sql = yield* SqlClient
    const isAutomatic = yield* AutoRebuild
    const candidates = yield* allCandidates(sql`
      select name, version, rebuild_wanted,
        coalesce((select max(version) from rebuilds where rebuilds.name = projections.name and kind = 'rebuild'), 0)
          as tried
      from projections
      where (rebuild_wanted is not null or ${isAutomatic}::boolean) and not exists (
        select 1 from rebuilds where rebuilds.name = projections.name and state in ('running', 'comparing'))`)
    for (const { name, rebuild_wanted, tried, version } of candidates) {
      const projection = projections.find((projection) => projection.name === name)
      // A process with the newer version starts it.
      if (projection === undefined || projection.version < version) continue
      const isNew = projection.version > Math.max(version, tried)
      const reason = rebuild_wanted ?? (isAutomatic && isNew ? `version ${projection.version}` : undefined)
      if (reason !== undefined) yield* start(projection, reason)
    }
  }
)

/** One transaction requests and begins it, so that no process with an older version of the program begins it. */
const start = Effect.fnUntraced(function*(projection: Projection, reason: string) {
  const sql = yield* SqlClient
  const { name } = projection
  yield* sql.withTransaction(Effect.gen(function*() {
    const id = yield* request(name, "rebuild", reason)
    const rebuild = id === undefined ? undefined : yield* find(name, id)
    if (rebuild === undefined) return
    yield* sql`update projections set rebuild_wanted = null where name = ${name}`
    yield* begin(projection, rebuild, freshDurable)
  }))
})
