import { Schema } from "effect"

/** A field 3QPR may leave out or send as null; both mean that nothing is known. */
export const maybe = <S extends Schema.Constraint>(schema: S) => Schema.optional(Schema.NullOr(schema))

/** The key of a read model's row: not empty, short enough for an index. */
export const EntityId = Schema.String.check(Schema.isBetweenLength(1, 255))

/** An ISO 8601 date and time, kept as the text 3QPR sent. */
export const IsoDateTime = Schema.String.check(
  Schema.makeFilter((text) => isIsoDateTime(text), { expected: "an ISO 8601 date and time" })
)

const isoDateTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/

const isIsoDateTime = (text: string) => isoDateTime.test(text) && !Number.isNaN(Date.parse(text))
