import { Clock, Effect, Random } from "effect"

/** A new id that sorts by time: a ULID (48 bits of milliseconds, 80 of chance, in Crockford's base 32). */
export const newId = Effect.gen(function*() {
  const now = yield* Clock.currentTimeMillis
  const time = Array.from({ length: 10 }, (_, at) => digit(Math.floor(now / 32 ** (9 - at)) % 32))
  const chance = yield* Effect.forEach(Array.from({ length: 16 }), () => Random.nextIntBetween(0, 31))
  return [...time, ...chance.map(digit)].join("")
})

/** Whether a text is an id as `newId` makes them. */
export const isId = (text: string) => /^[0-9A-HJKMNP-TV-Z]{26}$/.test(text)

const digit = (value: number) => "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[value] ?? "0"
