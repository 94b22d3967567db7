import { Effect, Random } from "effect"
import { Buffer } from "node:buffer"
import { ulids } from "../../src/Provider/Simulator/Draws.ts"
import { codes, conversationOf, createdCode, scanOf } from "../../src/Provider/Simulator/World.ts"
import * as Signature from "../../src/Signature/Signature.ts"
import { deliver, send } from "./Http.ts"
import { poison } from "./Poison.ts"
import { scanCreated, secret, signed } from "./Webhook.ts"

const day = 86_400_000

const event = (id: string, type: string, data: object) => JSON.stringify({ id, event: type, data })

/**
 * Delivers the codes, and scans and conversations of the last `days` days. Their number grows, with fewer on
 * Sundays.
 */
export const history = Effect.fnUntraced(function*(webhook: string, scans: number, days: number) {
  const now = Date.now()
  for (const code of codes) {
    const made = createdCode(code, now - days * day)
    yield* deliver(webhook, signed(event(`evt_of_${code.id}`, "qpr_code.created", made)))
  }
  const one = Effect.fnUntraced(function*(index: number) {
    const at = now - days * day * (1 - Math.sqrt(index / scans)) -
      (yield* Random.nextIntBetween(0, 3_600_000))
    if (new Date(at).getUTCDay() === 0 && (yield* Random.next) < 0.55) return
    const idOf = ulids(Math.round(at))
    const started = (yield* Random.next) < 0.74
    const scan = yield* scanOf({ idOf, now: Math.round(at), started })
    yield* deliver(webhook, signed(event(yield* idOf("evt"), "scan.created", scan)))
    if (!started) return
    const ended = yield* conversationOf(idOf, scan)
    yield* deliver(webhook, signed(event(yield* idOf("evt"), "conversation.completed", ended)))
  })
  yield* Effect.forEach(Array.from({ length: scans }, (_, index) => index), one, {
    concurrency: 16,
    discard: true
  })
})

/**
 * Delivers entries for each place that an operator checks: dead letters (after `refusePoison`), quarantine and
 * rejected requests.
 */
export const trouble = Effect.fnUntraced(function*(webhook: string) {
  for (const id of ["evt_01K6DEAD0A", "evt_01K6DEAD0B", "evt_01K6DEAD0C"]) {
    yield* deliver(webhook, signed(scanCreated(id, { city: poison, country: "CH", device: "mobile" })))
  }
  yield* deliver(webhook, signed(`{"id":"evt_01K6QUAR0A","event":"scan.created","data":{"city":5}}`))
  yield* deliver(
    webhook,
    signed(`{"id":"evt_01K6QUAR0B","event":"scan.created","data":{"id":"scan_x","scanned_at":"soon"}}`)
  )
  yield* deliver(webhook, signed("this is signed, and no JSON"))
  const json = scanCreated("evt_01K6SPACED", { note: "two words" })
  yield* deliver(webhook, {
    body: Buffer.from(JSON.stringify(JSON.parse(json), null, 2)),
    signature: Signature.sign(Buffer.from(json), secret)
  })
  yield* send(webhook, { method: "POST", body: "without a signature" })
  yield* deliver(webhook, signed("x".repeat(1_100_000)))
})
