import { DateTime, Effect, Random } from "effect"
import { type KnownType, knownTypes } from "../Domain/Event.ts"

/** An event as 3QPR would send it, before it is signed. */
export interface Sample {
  readonly id: string
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

/** A believable event of a type; of a type we do not know, one with a few plain fields. */
export const sampleOf = Effect.fnUntraced(function*(type: string) {
  const data = isKnown(type) ? yield* dataOf[type] : { id: yield* idOf("obj"), note: `a sample of ${type}` }
  return { id: yield* idOf("evt"), event: type, data } satisfies Sample
})

const isKnown = (type: string): type is KnownType => (knownTypes as ReadonlyArray<string>).includes(type)

// Crockford's base 32, as in the ids of 3QPR's documentation.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const characters = (length: number, from: string) =>
  Effect.map(
    Effect.all(Array.from({ length }, () => Random.nextIntBetween(0, from.length - 1))),
    (indexes) => indexes.map((index) => from.charAt(index)).join("")
  )

const idOf = (prefix: string) => Effect.map(characters(24, alphabet), (id) => `${prefix}_01${id}`)

const pick = <A>(first: A, ...others: ReadonlyArray<A>) =>
  Effect.map(Random.nextIntBetween(0, others.length), (index) => others[index - 1] ?? first)

const code = Effect.map(pick("hc9m3r", "k2p8wd", "t7q4xn", "b5z1vy"), (short_id) => ({
  qpr_code_id: `qpr_01HXYZ789${short_id.toUpperCase()}`,
  short_id
}))

const place = pick<Readonly<Record<"country" | "region" | "city", string>>>(
  { country: "US", region: "CA", city: "San Francisco" },
  { country: "US", region: "NY", city: "New York" },
  { country: "CH", region: "ZH", city: "Zürich" },
  { country: "DE", region: "BE", city: "Berlin" },
  { country: "BR", region: "SP", city: "São Paulo" },
  { country: "JP", region: "13", city: "東京" }
)

const minutesAgo = Effect.fnUntraced(function*(most: number) {
  const minutes = yield* Random.nextIntBetween(0, most)
  return DateTime.formatIso(DateTime.subtract(yield* DateTime.now, { minutes }))
})

const dataOf: Record<KnownType, Effect.Effect<Readonly<Record<string, unknown>>>> = {
  "scan.created": Effect.gen(function*() {
    const messages = Math.max(0, yield* Random.nextIntBetween(-4, 12))
    return {
      id: yield* idOf("scan"),
      ...(yield* code),
      scanned_at: DateTime.formatIso(yield* DateTime.now),
      ...(yield* place),
      device: yield* pick("mobile", "mobile", "mobile", "tablet", "desktop"),
      conversation_started: messages > 0,
      conversation_messages: messages,
      metadata: {}
    }
  }),
  "conversation.completed": Effect.gen(function*() {
    const { qpr_code_id } = yield* code
    return {
      id: yield* idOf("conv"),
      qpr_code_id,
      scan_id: yield* idOf("scan"),
      started_at: yield* minutesAgo(30),
      completed_at: DateTime.formatIso(yield* DateTime.now),
      message_count: yield* Random.nextIntBetween(1, 24),
      metadata: {}
    }
  }),
  "qpr_code.created": Effect.gen(function*() {
    const { qpr_code_id, short_id } = yield* code
    const now = DateTime.formatIso(yield* DateTime.now)
    return {
      id: qpr_code_id,
      name: yield* pick("Table 4", "Museum entrance", "Product box", "Conference badge"),
      short_id,
      scan_url: `https://3qpr.com/s/${short_id}`,
      template: "default",
      status: "active",
      scans_total: 0,
      metadata: {},
      created_at: now,
      updated_at: now
    }
  }),
  "subscription.upgraded": Effect.gen(function*() {
    return { id: yield* idOf("sub"), plan: yield* pick("pro", "business"), status: "active" }
  }),
  "subscription.cancelled": Effect.gen(function*() {
    return { id: yield* idOf("sub"), plan: yield* pick("pro", "business"), status: "cancelled" }
  })
}
