import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { Buffer } from "node:buffer"
import type { RejectionDetail, RejectionSummary } from "../../src/Domain/Rejection.ts"
import { keptPerSecond } from "../../src/Ingress/Rejections.ts"
import * as Signature from "../../src/Signature/Signature.ts"
import { platform } from "../support/Broker.ts"
import { newDatabase, newStores } from "../support/Databases.ts"
import { deliver, send } from "../support/Http.ts"
import * as NatsProcess from "../support/NatsProcess.ts"
import { serve } from "../support/Serve.ts"
import { until } from "../support/Until.ts"
import { scanCreated, secret, signed } from "../support/Webhook.ts"

const THREEQPR_WEBHOOK_SECRET = Redacted.value(secret)

interface List {
  readonly refused: number
  readonly instances: number
  readonly rejections: ReadonlyArray<RejectionSummary>
}

const list = Effect.fnUntraced(function*(admin: string) {
  const { body, status } = yield* send(`${admin}/v1/rejections`)
  assert.strictEqual(status, 200)
  return body as List
})

describe("/v1/rejections", () => {
  it.live("shows rejected requests with their bytes and the diagnosis of the signature doctor, and stores none of them", () =>
    Effect.gen(function*() {
      const { admin, webhook } = yield* serve({ ...(yield* newStores), THREEQPR_WEBHOOK_SECRET })
      assert.deepStrictEqual(yield* list(admin), { refused: 0, instances: 1, rejections: [] })
      const json = scanCreated("evt_1", { note: "two words" })
      const spaced = JSON.stringify(JSON.parse(json), null, 2)
      yield* deliver(webhook, {
        body: Buffer.from(spaced),
        signature: Signature.sign(Buffer.from(json), secret)
      })
      yield* send(webhook, { method: "POST", body: "without a signature" })
      yield* deliver(webhook, signed(scanCreated("evt_2")), { "content-encoding": "gzip" })
      yield* deliver(webhook, signed("x".repeat(1_100_000)))
      yield* deliver(webhook, signed(scanCreated("evt_3")))
      const { refused, rejections } = yield* list(admin)
      assert.strictEqual(refused, 4)
      assert.deepStrictEqual(rejections.map(({ reason }) => reason).toSorted(), [
        "body_too_large",
        "invalid_signature",
        "missing_signature",
        "unsupported_encoding"
      ])
      const detail = Effect.fnUntraced(function*(reason: string) {
        const found = rejections.find((rejection) => rejection.reason === reason)
        return (yield* send(`${admin}/v1/rejections/${found?.id}`)).body as RejectionDetail
      })
      const reformatted = yield* detail("invalid_signature")
      assert.strictEqual(Buffer.from(reformatted.head_base64, "base64").toString(), spaced)
      assert.deepInclude(reformatted, { complete: true, size: spaced.length, source: "127.0.0.1" })
      assert.lengthOf(reformatted.doctor?.causes ?? [], 1)
      assert.match(reformatted.doctor?.causes[0]?.explanation ?? "", /JSON/)
      assert.include((yield* detail("missing_signature")).doctor?.summary, "X-3QPR-Signature")
      assert.deepInclude(yield* detail("body_too_large"), { complete: false, doctor: null, size: 1_100_000 })
      assert.notInclude(JSON.stringify(reformatted), THREEQPR_WEBHOOK_SECRET)
      const { body } = yield* send(`${admin}/v1/status`)
      assert.strictEqual((body as { readonly stream: { readonly events: number } }).stream.events, 1)
      assert.strictEqual((yield* send(`${admin}/v1/rejections/unknown`)).status, 404)
    }).pipe(Effect.scoped, Effect.provide(platform)))

  it.live("queries every receiver, each of which keeps a bounded part of a flood", () =>
    Effect.gen(function*() {
      const broker = yield* NatsProcess.start()
      const databaseUrl = yield* newDatabase
      const environment = {
        NATS_URL: broker.url,
        NATS_TOKEN: broker.token,
        DATABASE_URL: databaseUrl,
        THREEQPR_WEBHOOK_SECRET
      }
      const { admin } = yield* serve(environment, ["--role", "admin", "--role", "projector"])
      assert.deepStrictEqual(yield* list(admin), { refused: 0, instances: 0, rejections: [] })
      const receivers = yield* Effect.all([
        serve(environment, ["--role", "ingress"]),
        serve(environment, ["--role", "ingress"])
      ])
      // Alternates between the receivers, so that the newest requests, which are shown, come from both.
      const flood = Array.from({ length: 300 }, (_, index) => index).flatMap((index) =>
        receivers.map(({ webhook }) => send(webhook, { method: "POST", body: `forged ${index}` }))
      )
      const began = Date.now()
      yield* Effect.all(flood, { concurrency: 16, discard: true })
      const seconds = Math.floor(Date.now() / 1_000) - Math.floor(began / 1_000) + 1
      // A receiver that has just rejected so many requests can answer too late.
      const { refused, rejections } = yield* until("both", list(admin), ({ instances }) => instances === 2)
      assert.strictEqual(refused, 600)
      assert.strictEqual(new Set(rejections.map(({ instance }) => instance)).size, 2)
      assert.isAtMost(rejections.length, 2 * keptPerSecond * seconds)
      assert.isAtLeast(rejections.length, 2 * keptPerSecond)
    }).pipe(Effect.scoped, Effect.provide(platform)))
})
