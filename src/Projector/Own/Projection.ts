import { faultsOf } from "./Check.ts"
import type { Columns, Definition } from "./Definition.ts"

/** A definition of a read model is wrong. The message lists every fault. */
export class ProjectionInvalid extends TypeError {
  override readonly name = "ProjectionInvalid"
}

/**
 * Defines a read model of your own: one table, filled from the events of some types. Export it from a file, and start
 * `serve` with `--projections <file>`. It is filled from the whole log, each event changes it exactly once, and it is
 * rebuilt, verified and erased from like the built-in ones.
 *
 * Throws `ProjectionInvalid` when a field is wrong. `serve` also tries the SQL before it installs anything.
 *
 * @example
 * ```ts
 * import { projection } from "threeqpr-events/projection"
 *
 * export default projection({
 *   name: "countries",
 *   version: 1,
 *   types: ["scan.created"],
 *   key: ["country"],
 *   columns: { country: "text", scans: "bigint", last_scan: "timestamptz" },
 *   row: { country: "coalesce(data->>'country', '?')", last_scan: "data->>'scanned_at'" },
 *   add: { scans: "1" }
 * })
 * ```
 */
export const projection = <const C extends Columns>(definition: Definition<C>): Definition<C> => {
  const faults = faultsOf(definition)
  if (faults.length > 0) {
    const { name } = Object(definition)
    throw new ProjectionInvalid(
      faults.map((fault) => typeof name === "string" ? `The read model ${name}: ${fault}` : fault).join("\n")
    )
  }
  return definition
}
