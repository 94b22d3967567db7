import { Schema } from "effect"
import { toStored } from "./StoredText.ts"
import { pattern } from "./Timestamp.ts"

/**
 * A field that 3QPR may omit or send as null; both mean that the value is unknown. A value that does not match also
 * counts as unknown, unless the field is one of `decisive`.
 */
export const maybe = <S extends Schema.Constraint>(schema: S) => Schema.optional(Schema.NullOr(schema))

/** The key of a read model's row: not empty, and short enough for an index. */
export const EntityId = Schema.String.check(Schema.isBetweenLength(1, 255))

/**
 * Maximum number of characters of text that is a key in an index. An index of Postgres accepts entries of 2,704
 * bytes. The widest key has three such texts, of four bytes a character, and a timestamp.
 */
export const longestKey = 200

/** Text by which read models are filtered or counted. */
export const Key = Schema.String.check(
  Schema.makeFilter((text) => isWithin(text, longestKey), {
    expected: `text of at most ${longestKey} characters`
  })
)

// The limit applies to the stored form, which has at most two characters for each code unit of the text.
const isWithin = (text: string, characters: number) =>
  2 * text.length <= characters ||
  (text.length <= 2 * characters && Array.from(toStored(text)).length <= characters)

/** The maximum that one event adds to a counter, so that no counter overflows. */
export const mostCounted = 2_147_483_647

/** A count, within the bounds of a counter. */
export const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: mostCounted }))

/** A timestamp of RFC 3339, kept as the text that 3QPR sent. */
export const IsoDateTime = Schema.String.check(
  Schema.isPattern(new RegExp(pattern), {
    expected: "an ISO 8601 date and time, such as 2026-03-20T15:30:00Z, of a day that exists"
  })
)
