import { Schema } from "effect"
import { exampleFields } from "../../Domain/Reconciliation.ts"

const Ids = Schema.Array(Schema.String)

const Examples = Schema.Struct(exampleFields)
type Examples = typeof Examples.Type

/** The column `examples`: ids of missing scans alone, or by what became of them, with the unusable scans beside. */
export const Stored = Schema.Union([
  Ids,
  Schema.Struct({
    missing: Ids,
    unusable: exampleFields.unusable_examples,
    /** Absent in rows of the version before, whose `missing` has the repaired scans too. */
    repaired: Schema.optional(Ids)
  })
])
type Stored = typeof Stored.Type

/** As they are kept. A process of the version before reads ids alone. Without unusable scans all are repaired or none. */
export const toStored = (examples: Examples): Stored =>
  examples.unusable_examples.length === 0
    ? [...examples.repaired_examples, ...examples.still_missing_examples]
    : {
      missing: examples.still_missing_examples,
      unusable: examples.unusable_examples,
      repaired: examples.repaired_examples
    }

/** As they were kept. A dry run repairs nothing, and any other run repairs all but the unusable scans. */
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
