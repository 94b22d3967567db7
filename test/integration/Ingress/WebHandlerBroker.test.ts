import { assert, describe } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { webhookHandler } from "../../../src/ingress.ts"
import { test } from "../../support/Live.ts"
import * as NatsProcess from "../../support/NatsProcess.ts"
import { until } from "../../support/Until.ts"
import { scanCreated, secret, signed } from "../../support/Webhook.ts"

const delivery = (id: string) => {
  const { body, signature } = signed(scanCreated(id))
  const headers = { "x-3qpr-signature": signature }
  return new Request("http://localhost/", { method: "POST", body: new Uint8Array(body), headers })
}

/** Creates a handler on a broker, and returns a function that delivers an event to it. */
const handlerOn = ({ token, url }: NatsProcess.NatsProcess) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => webhookHandler({ secrets: Redacted.value(secret), natsUrl: url, token })),
      (handler) => Effect.promise(() => handler.close())
    ),
    (handler) => (id: string) =>
      Effect.promise(async () => {
        const response = await handler(delivery(id))
        return { status: response.status, body: await response.text() }
      })
  )

describe("a web handler whose broker is away", () => {
  test(
    "answers 503 until it first connects to the broker, and then stores",
    Effect.gen(function*() {
      const broker = yield* NatsProcess.start()
      yield* broker.signal("SIGKILL")
      const deliver = yield* handlerOn(broker)
      const started = performance.now()
      assert.deepStrictEqual(yield* deliver("evt_1"), { status: 503, body: `{"error":"unavailable"}` })
      assert.isBelow(performance.now() - started, 5_000)
      yield* broker.start
      const stored = yield* until("stored", deliver("evt_1"), ({ status }) => status === 200)
      assert.include(stored.body, `"id":"evt_1"`)
    })
  )

  test(
    "answers 503 while the broker is away, and stores again without being created again",
    Effect.gen(function*() {
      const broker = yield* NatsProcess.start()
      const deliver = yield* handlerOn(broker)
      assert.strictEqual((yield* deliver("evt_1")).status, 200)
      yield* broker.signal("SIGKILL")
      assert.strictEqual((yield* deliver("evt_2")).status, 503)
      yield* broker.start
      yield* until("stored", deliver("evt_2"), ({ status }) => status === 200)
      assert.deepStrictEqual(yield* deliver("evt_1"), {
        status: 200,
        body: `{"ok":true,"id":"evt_1","duplicate":true}`
      })
    })
  )
})
