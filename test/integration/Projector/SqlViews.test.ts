// Runs: node first

import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { projections } from "../../../src/Projector/Projections.ts"
import { sqlViews } from "../../../src/Projector/Projections/SqlViews.ts"
import { engines } from "../../support/Databases.ts"
import { given, rowsOf } from "../../support/Specification.ts"

for (const engine of engines) {
  layer(engine.layer, { excludeTestServices: true })(`the documented views on ${engine.name}`, (it) => {
    it.effect("are all views of the read models, with these columns and types, and the reader role selects from them", () =>
      Effect.gen(function*() {
        for (const projection of projections) yield* given(projection)
        const columns = yield* rowsOf(`
          select relname as view, jsonb_agg(jsonb_build_array(attname, format_type(atttypid, atttypmod))
            order by attnum) as columns
          from pg_class join pg_attribute on attrelid = pg_class.oid
          where relkind = 'v' and relnamespace = current_schema()::regnamespace and attnum > 0
            and has_table_privilege('threeqpr_reader', pg_class.oid, 'select')
          group by 1 order by 1`)
        const named = Object.entries(sqlViews).map(([view, { columns }]) => ({
          view,
          columns: Object.entries(columns).map(([column, [type]]) => [
            column,
            type === "timestamptz" ? "timestamp with time zone" : type
          ])
        }))
        assert.deepStrictEqual(columns, named.toSorted((one, other) => one.view < other.view ? -1 : 1))
      }))
  })
}
