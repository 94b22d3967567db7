import { Clock, Effect } from "effect"
import { isKnownType, type KnownType } from "../../Domain/Event.ts"
import { listedCode } from "../../Domain/QprCode.ts"
import { chance, characters, type IdOf, weighted } from "./Draws.ts"
import { codes, conversationOf, conversationRate, createdCode, scanOf, subscriptionOf } from "./World.ts"

/** An event as 3QPR would send it, before it is signed. */
export interface Sample {
  readonly id: string
  readonly event: string
  readonly data: object
}

/** A realistic event of a type. An event of an unknown type has a few plain fields. */
export const sampleOf = Effect.fnUntraced(function*(type: string) {
  const now = yield* Clock.currentTimeMillis
  const data = isKnownType(type)
    ? yield* dataOf[type](now)
    : { id: yield* idOf("obj"), note: `a sample of ${type}` }
  return { id: yield* idOf("evt"), event: type, data } satisfies Sample
})

const idOf: IdOf = (prefix) => Effect.map(characters(24), (rest) => `${prefix}_01${rest}`)

const code = (now: number) => Effect.map(weighted(codes), (code) => createdCode(code, now))

const dataOf: Record<KnownType, (now: number) => Effect.Effect<object>> = {
  "scan.created": Effect.fnUntraced(function*(now) {
    const started = yield* chance(conversationRate)
    return { ...(yield* scanOf({ idOf, now, started })), scanned_at: new Date(now).toISOString() }
  }),
  "conversation.completed": (now) =>
    Effect.flatMap(scanOf({ idOf, now, started: true }), (scan) => conversationOf(idOf, scan)),
  "qpr_code.created": code,
  [listedCode]: code,
  "subscription.upgraded": (now) => subscriptionOf(idOf, "active", now),
  "subscription.cancelled": (now) => subscriptionOf(idOf, "cancelled", now)
}
