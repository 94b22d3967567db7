import { Effect, Random } from "effect"

/** Makes the ids of one run: `scan_01K…` for the prefix `scan`. */
export type IdOf = (prefix: string) => Effect.Effect<string>

/** Characters of the alphabet of ULIDs. */
export const characters = (length: number) =>
  Effect.map(
    Effect.all(Array.from({ length }, () => Random.nextIntBetween(0, 31))),
    (digits) => digits.map((digit) => alphabet.charAt(digit)).join("")
  )

/** ULIDs of one moment, in milliseconds: ids of the same draws differ when their moments do. */
export const ulids = (moment: number): IdOf => {
  const time = Array.from(
    { length: 10 },
    (_, at) => alphabet.charAt(Math.floor(moment / 32 ** (9 - at)) % 32)
  )
    .join("")
  return (prefix) => Effect.map(characters(16), (rest) => `${prefix}_${time}${rest}`)
}

/** One of several, each as likely as the other. */
export const pick = <A>(choices: readonly [A, ...ReadonlyArray<A>]): Effect.Effect<A> =>
  Effect.map(Random.nextIntBetween(0, choices.length - 1), (index) => choices[index] ?? choices[0])

/** One of several, as often as its `weight` says. */
export const weighted = <A extends { readonly weight: number }>(choices: readonly [A, ...ReadonlyArray<A>]) =>
  Effect.map(Random.next, (drawn): A => {
    let left = drawn * choices.reduce((sum, { weight }) => sum + weight, 0)
    return choices.find(({ weight }) => (left -= weight) < 0) ?? choices[0]
  })

/** True in this share of all cases. */
export const chance = (share: number) => Effect.map(Random.next, (drawn) => drawn < share)

/** Crockford's base 32, as in the ids of 3QPR's documentation. */
export const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
