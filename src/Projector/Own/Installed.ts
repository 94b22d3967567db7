import { Effect, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { firstRow } from "../../Database/Rows.ts"
import type { Projection } from "../Projection.ts"

/** The definition of an own read model was changed, and its version was not. */
export class DefinitionChanged
  extends Schema.TaggedError<DefinitionChanged>()("DefinitionChanged", { message: Schema.String })
{}

const firstLive = firstRow(
  Schema.Struct({
    generation: Schema.Finite,
    version: Schema.Finite,
    definition: Schema.NullOr(Schema.String)
  })
)

/**
 * The live generation of a projection; undefined before a projector has installed it. Fails when the tables of this
 * version, live or being built, come from another definition. Rows of both would be mixed.
 */
export const checkInstalled = Effect.fnUntraced(function*(projection: Projection) {
  const { name, own, version } = projection
  const sql = yield* SqlClient
  const live = yield* firstLive(
    sql`select generation, version, definition from projections where name = ${name}`
  )
  if (own === undefined || live === undefined) return live
  const built = yield* firstDefinition(sql`
    select definition from rebuilds where name = ${name} and version = ${version}
      and state in ('running', 'comparing')`)
  const before = live.version === version ? live : built
  if (before === undefined || before.definition === own.hash) return live
  return yield* new DefinitionChanged({
    message:
      `The definition of the read model ${name} (${own.origin.place}) has changed, and its version is still ${version}. `
      + `Its rows were made by the definition before. Set version: ${version + 1}, or undo the change.`
  })
})

const firstDefinition = firstRow(Schema.Struct({ definition: Schema.NullOr(Schema.String) }))
