import { Schema } from "effect"
import { exampleFields } from "../../Domain/Reconciliation.ts"

const Ids = Schema.Array(Schema.String)

const Examples = Schema.Struct(exampleFields)
type Examples = typeof Examples.Type

/** The column `examples`: only ids of missing scans, or ids by result together with the unusable scans. */
export const Stored = Schema.Union([
  Ids,
  Schema.Struct({
    missing: Ids,
    unusable: exampleFields.unusable_examples,
    /** Absent in rows of the previous version, whose `missing` also contains the repaired scans. */
    repaired: Schema.optional(Ids)
  })
])
type Stored = typeof Stored.Type

/**
 * Encodes the examples. Without unusable scans either all scans are repaired or none, so ids are enough. A process of
 * the previous version can read that form.
 */
export const toStored = (examples: Examples): Stored =>
  examples.unusable_examples.length === 0
    ? [...examples.repaired_examples, ...examples.still_missing_examples]
    : {
      missing: examples.still_missing_examples,
      unusable: examples.unusable_examples,
      repaired: examples.repaired_examples
    }

/**
 * Decodes the examples. In rows without `repaired`, a dry run repaired nothing, and any other run repaired all but
 * the unusable scans.
 */
export const fromStored = (stored: Stored, isDry: boolean): Examples => {
  const { missing, repaired, unusable } = "missing" in stored
    ? stored
    : { missing: stored, repaired: undefined, unusable: [] }
  if (repaired !== undefined) {
    return { repaired_examples: repaired, still_missing_examples: missing, unusable_examples: unusable }
  }
  const lost = new Set(unusable.map(({ id }) => id))
  const isRepaired = (id: string) => !isDry && !lost.has(id)
  return {
    repaired_examples: missing.filter(isRepaired),
    still_missing_examples: missing.filter((id) => !isRepaired(id)),
    unusable_examples: unusable
  }
}
