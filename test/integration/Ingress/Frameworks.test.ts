import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { readFileSync } from "node:fs"
import { NatsServer } from "../../../src/Nats/Server.ts"
import * as Broker from "../../support/Broker.ts"
import { example } from "../../support/Example.ts"
import { deliver, send } from "../../support/Http.ts"
import { freePort } from "../../support/Port.ts"
import { until } from "../../support/Until.ts"
import { scanCreated, secret, signed } from "../../support/Webhook.ts"

const read = (name: string) => readFileSync(new URL(`../../examples/${name}.ts`, import.meta.url), "utf8")

const services = Layer.merge(Broker.layer, Broker.platform)

describe.concurrent("a web handler", () => {
  for (const name of ["express", "fastify", "hono"]) {
    it.live(`receives webhooks in ${name}, mounted as in its example, and stops`, () =>
      Effect.gen(function*() {
        const { token, url } = yield* NatsServer
        const PORT = String(yield* Effect.promise(freePort))
        const server = yield* example(`${name}.ts`, read(name), {
          PORT,
          NATS_URL: url,
          NATS_TOKEN: Redacted.value(token),
          THREEQPR_WEBHOOK_SECRET: Redacted.value(secret)
        })
        const webhook = `http://127.0.0.1:${PORT}/webhooks/3qpr`
        const answer = Effect.promise(() => fetch(webhook).then(({ status }) => status, () => undefined))
        yield* until(`${name} listens`, answer, (status) => status !== undefined)

        const { body, signature } = signed(scanCreated("evt_1"))
        const answers = yield* Effect.forEach([
          deliver(webhook, { body, signature }),
          deliver(webhook, { body, signature }),
          deliver(webhook, signed("{")),
          deliver(webhook, { body, signature: `sha256=${"0".repeat(64)}` }),
          send(webhook, { method: "POST", body: "x".repeat(1_048_577) })
        ], (sent) => sent)
        assert.deepStrictEqual(answers.map(({ body, status }) => [status, body]), [
          [200, { ok: true, id: "evt_1", duplicate: false }],
          [200, { ok: true, id: "evt_1", duplicate: true }],
          [200, { ok: true, id: null, duplicate: false, quarantined: "invalid_json" }],
          [400, { error: "invalid_signature" }],
          [413, { error: "body_too_large" }]
        ])
        assert.strictEqual(yield* server.stop, 0, server.stderr())
      }).pipe(Effect.provide(services), Effect.scoped))
  }
})
