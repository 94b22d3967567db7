import { assert, describe } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import process from "node:process"
import { webhookHandler } from "../../../src/ingress.ts"
import { handlerOn as processOn } from "../../support/Handler.ts"
import { deliver as deliverTo, send } from "../../support/Http.ts"
import { test } from "../../support/Live.ts"
import * as NatsProcess from "../../support/NatsProcess.ts"
import { freePort } from "../../support/Port.ts"
import { standStill } from "../../support/Processes.ts"
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

describe("the connection of a web handler", () => {
  test(
    "is made for the first signed delivery, serves all others, and ends when the handler is closed",
    Effect.gen(function*() {
      const monitor = `127.0.0.1:${yield* Effect.promise(freePort)}`
      const { token, url } = yield* NatsProcess.start({}, { http: monitor })
      /** The number of connections so far, and that of the open ones. */
      const connections = Effect.map(
        Effect.all([send(`http://${monitor}/varz`), send(`http://${monitor}/connz`)]),
        ([all, open]) => [
          Object(all.body).total_connections,
          Object(open.body).num_connections
        ]
      )
      const handler = webhookHandler({ secrets: Redacted.value(secret), natsUrl: url, token })
      const statusOf = (request: Request) =>
        Effect.promise(() => handler(request).then(({ status }) => status))
      const forged = new Request("http://localhost/", { method: "POST", body: scanCreated("evt_0") })
      assert.strictEqual(yield* statusOf(forged), 400)
      assert.deepStrictEqual(yield* connections, [0, 0])
      const together = yield* Effect.forEach(["evt_1", "evt_2", "evt_3"], (id) => statusOf(delivery(id)), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual([...together, yield* statusOf(delivery("evt_4"))], [200, 200, 200, 200])
      assert.deepStrictEqual(yield* connections, [1, 1])
      yield* Effect.promise(() => handler.close())
      yield* until("disconnected", connections, ([, open]) => open === 0)
      assert.strictEqual(yield* statusOf(delivery("evt_5")), 503)
      assert.deepStrictEqual(yield* connections, [1, 0])
    })
  )

  test(
    "is made again after its process was frozen until the broker had dropped it",
    Effect.gen(function*() {
      const broker = yield* NatsProcess.start()
      const { pid, webhook } = yield* processOn(broker, Redacted.value(secret))
      const deliver = (id: string) => deliverTo(webhook, signed(scanCreated(id)))
      assert.strictEqual((yield* deliver("evt_1")).status, 200)
      yield* standStill(pid)
      yield* broker.signal("SIGKILL")
      yield* broker.start
      process.kill(pid, "SIGCONT")
      yield* until("stored", deliver("evt_2"), ({ status }) => status === 200)
      assert.deepInclude((yield* deliver("evt_1")).body, { ok: true, duplicate: true })
    })
  )
})
