import { Effect, Random } from "effect"

/** Generates the ids of one run: `scan_01K…` for the prefix `scan`. */
export type IdOf = (prefix: string) => Effect.Effect<string>

/** Random characters of the ULID alphabet. */
export const characters = (length: number) =>
  Effect.map(
    Effect.all(Array.from({ length }, () => Random.nextIntBetween(0, 31))),
    (digits) => digits.map((digit) => alphabet.charAt(digit)).join("")
  )

/** Generates ULIDs for one time in milliseconds. The same random draws give other ids at another time. */
export const ulids = (moment: number): IdOf => {
  const time = Array.from(
    { length: 10 },
    (_, at) => alphabet.charAt(Math.floor(moment / 32 ** (9 - at)) % 32)
  )
    .join("")
  return (prefix) => Effect.map(characters(16), (rest) => `${prefix}_${time}${rest}`)
}

/** Picks one of several values, each with the same probability. */
export const pick = <A>(choices: readonly [A, ...ReadonlyArray<A>]): Effect.Effect<A> =>
  Effect.map(Random.nextIntBetween(0, choices.length - 1), (index) => choices[index] ?? choices[0])

/** Picks one of several values, with a probability in proportion to its `weight`. */
export const weighted = <A extends { readonly weight: number }>(choices: readonly [A, ...ReadonlyArray<A>]) =>
  Effect.map(Random.next, (drawn): A => {
    let left = drawn * choices.reduce((sum, { weight }) => sum + weight, 0)
    return choices.find(({ weight }) => (left -= weight) < 0) ?? choices[0]
  })

/** True with this probability. */
export const chance = (share: number) => Effect.map(Random.next, (drawn) => drawn < share)

/** Crockford's base 32, as in the ids of 3QPR's documentation. */
export const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
