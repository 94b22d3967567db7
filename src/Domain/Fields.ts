import { Schema } from "effect"
import { toStored } from "./StoredText.ts"
import { pattern } from "./Timestamp.ts"

/**
 * A field 3QPR may leave out or send as null; both mean that nothing is known. So does a value that does not fit, unless
 * the field is one of `decisive`.
 */
export const maybe = <S extends Schema.Constraint>(schema: S) => Schema.optional(Schema.NullOr(schema))

/** The key of a read model's row: not empty, short enough for an index. */
export const EntityId = Schema.String.check(Schema.isBetweenLength(1, 255))

/**
 * The most characters of a text that is a key in an index. An index of Postgres takes entries of 2,704 bytes; the widest
 * key has three such texts, of four bytes a character, and a timestamp.
 */
export const longestKey = 200

/** A text that read models are searched or counted by. */
export const Key = Schema.String.check(
  Schema.makeFilter((text) => isWithin(text, longestKey), {
    expected: `a text of at most ${longestKey} characters`
  })
)

// The stored form counts. It has at most two characters for each unit of the text.
const isWithin = (text: string, characters: number) =>
  2 * text.length <= characters ||
  (text.length <= 2 * characters && Array.from(toStored(text)).length <= characters)

/** The most that one event adds to a counter, so that no counter overflows. */
export const mostCounted = 2_147_483_647

/** How many of something there are. */
export const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: mostCounted }))

/** A timestamp of RFC 3339, kept as the text 3QPR sent. */
export const IsoDateTime = Schema.String.check(
  Schema.isPattern(new RegExp(pattern), {
    expected: "an ISO 8601 date and time, such as 2026-03-20T15:30:00Z, of a day that exists"
  })
)
