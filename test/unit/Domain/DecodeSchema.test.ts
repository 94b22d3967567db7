import { assert, describe, it } from "@effect/vitest"
import { Exit, Schema } from "effect"
import { Buffer } from "node:buffer"
import { decodeDelivery } from "../../../src/Domain/Decode.ts"
import { dataOf, decisive, Envelope, type KnownType, knownTypes } from "../../../src/Domain/Event.ts"
import { drawsOf } from "../../support/Faults/Bodies.ts"
import { scanOfTheReference } from "../../support/Webhook.ts"

const draw = drawsOf(7)
const pick = <A>(from: ReadonlyArray<A>): A | undefined => from[Math.floor(draw() * from.length)]

const values: ReadonlyArray<unknown> = [
  undefined,
  null,
  "",
  "x",
  "x".repeat(255),
  "x".repeat(256),
  "ein Wort",
  "évt",
  "a.b",
  "a..b",
  "evt_\u0000",
  0,
  -0,
  1,
  1.5,
  -7,
  1e15,
  1e21,
  1e308,
  true,
  false,
  [],
  ["x"],
  {},
  { a: { b: [null] } },
  [[[]]],
  "2026-03-20T15:30:00Z",
  "2026-03-20T15:30:00.123+02:00",
  "2026-13-20T15:30:00Z",
  "2026-03-20",
  "now"
]

const whole: Readonly<Record<KnownType, Readonly<Record<string, unknown>>>> = {
  "scan.created": scanOfTheReference,
  "conversation.completed": {
    id: "conv_1",
    conversation_id: "conv_1",
    started_at: "2026-03-20T15:30:00Z",
    completed_at: "2026-03-20T15:30:00Z",
    messages: [],
    message_count: 3
  },
  "qpr_code.created": { id: "qpr_1", name: "Table 4", status: "active", created_at: "2026-03-20T15:30:00Z" },
  "qpr_code.listed": { id: "qpr_1", name: "Table 4", status: "active", created_at: "2026-03-20T15:30:00Z" },
  "subscription.upgraded": { id: "sub_1", plan: "pro", updated_at: "2026-03-20T15:30:00Z" },
  "subscription.cancelled": { id: "sub_1", status: "cancelled" }
}

/** The value with up to three fields changed, or another value instead. */
const mutated = (value: Readonly<Record<string, unknown>>): unknown => {
  if (draw() < 0.05) return pick(values)
  const copy: Record<string, unknown> = { ...value }
  for (let changes = Math.floor(draw() * 4); changes > 0; changes--) {
    copy[pick([...Object.keys(value), "more", "metadata", "__proto__x"]) ?? ""] = pick(values)
  }
  return copy
}

/** The data without the optional fields that the decoder refuses. */
const withoutMisfits = (type: KnownType, data: unknown) =>
  typeof data !== "object" || data === null || Array.isArray(data) ? data : Object.fromEntries(
    Object.entries(data).filter(([name, value]) => {
      const field = decisive[type].includes(name) ? undefined : Object.entries(dataOf[type].fields)
        .find(([key]) => key === name)?.[1]
      return field === undefined || Exit.isSuccess(Schema.decodeUnknownExit(field)(value))
    })
  )

/** The verdict of the schemas' own decoder, which `decodeDelivery` does not run. */
const expected = (json: unknown) => {
  const envelope = Schema.decodeUnknownExit(Envelope)(json, { errors: "all" })
  if (Exit.isFailure(envelope)) return "invalid_envelope"
  const { data, event } = envelope.value
  const type = knownTypes.find((type) => type === event)
  if (type === undefined) return undefined
  return Exit.isFailure(
      Schema.decodeUnknownExit(dataOf[type] as typeof dataOf["scan.created"])(withoutMisfits(type, data), {
        errors: "all"
      })
    )
    ? "invalid_data"
    : undefined
}

describe("decoding accepts exactly what the schemas accept", () => {
  it.each(knownTypes)("%s, with 2,000 random mutations", (type) => {
    const seen = new Map<string | undefined, number>()
    for (let round = 0; round < 2_000; round++) {
      const event = mutated({ id: "evt_1", event: type, data: mutated(whole[type]) })
      const text = JSON.stringify(event)
      if (text === undefined) continue
      const reading = decodeDelivery(Buffer.from(text))
      const reason = reading._tag === "Unusable" ? reading.reason : undefined
      assert.strictEqual(reason, expected(JSON.parse(text)), text)
      if (reading._tag === "Unusable") assert.isNotEmpty(reading.problems, text)
      seen.set(reason, (seen.get(reason) ?? 0) + 1)
    }
    // Without enough of each result, the comparison would prove little.
    for (const reason of [undefined, "invalid_envelope", "invalid_data"]) {
      assert.isAbove(seen.get(reason) ?? 0, 50, String(reason))
    }
  })
})
