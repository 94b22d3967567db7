import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import process from "node:process"
import { serve } from "../../../src/Cli/Serve/InProgram.ts"
import type { ServeOptions } from "../../../src/Cli/Serve/Serving.ts"
import { webhookPath } from "../../../src/Domain/WebhookPath.ts"
import { NatsServer } from "../../../src/Nats/Server.ts"
import * as Broker from "../../support/Broker.ts"
import { newStores } from "../../support/Databases.ts"
import { deliver, send } from "../../support/Http.ts"
import { countries } from "../../support/OwnModels.ts"
import { until } from "../../support/Until.ts"
import { scanCreated, secret, signed } from "../../support/Webhook.ts"

const token = "token_of_the_tests_of_serve"

layer(Broker.layer, { excludeTestServices: true })("serve in a program", (it) => {
  it.effect(
    "runs read models from code, stops on request, releases everything, and can be called again",
    () =>
      Effect.gen(function*() {
        const { token: natsToken, url } = yield* NatsServer
        const settings = {
          ...yield* newStores,
          NATS_URL: url,
          NATS_TOKEN: Redacted.value(natsToken),
          THREEQPR_WEBHOOK_SECRET: Redacted.value(secret),
          ADMIN_TOKEN: token,
          HOST: "127.0.0.1",
          PORT: 0,
          ADMIN_PORT: 0
        }
        const state = () => ({
          listeners: process.eventNames().map((name) => [name, process.listenerCount(String(name))]),
          exitCode: process.exitCode,
          trace: Error.prepareStackTrace
        })
        const before = state()
        const first = yield* Effect.promise(() => serve({ settings, projections: [countries] }))
        const { body, status } = yield* deliver(
          `${first.publicUrl}${webhookPath}`,
          signed(scanCreated("evt_1", { country: "CH" }))
        )
        assert.deepStrictEqual([status, body], [200, { ok: true, id: "evt_1", duplicate: false }])
        const rows = (address: string) =>
          send(`${address}/v1/models/countries`, { headers: { authorization: `Bearer ${token}` } })
        const { body: page } = yield* until(
          "the scan is counted",
          rows(first.privateUrl),
          ({ body }) => JSON.stringify(body).includes("CH")
        )
        assert.include(JSON.stringify(page), `"scans":1`)
        yield* Effect.promise(first.stop)
        yield* Effect.promise(() => first.ended)
        assert.deepStrictEqual(state(), before)
        yield* Effect.flip(Effect.tryPromise(() => fetch(`${first.privateUrl}/livez`)))

        const second = yield* Effect.promise(() =>
          serve({ settings, projections: [countries], roles: ["admin"] })
        )
        assert.isUndefined(second.publicUrl)
        assert.include(JSON.stringify((yield* rows(second.privateUrl)).body), `"scans":1`)
        yield* Effect.promise(() => second[Symbol.asyncDispose]())

        const changed = { ...countries, add: { scans: "2" } }
        const error = yield* Effect.flip(
          Effect.tryPromise({
            try: () => serve({ settings, projections: [changed], roles: ["admin"] }),
            catch: String
          })
        )
        assert.match(error, /The definition of the read model countries \(projections\[0\]\) has changed/)
      }),
    120_000
  )
})

/** Why `serve` refuses options that may have a wrong type. */
const refusal = (options: unknown) =>
  serve(options as ServeOptions).then(
    () => assert.fail("it started"),
    (error: unknown) => error instanceof Error ? error.message : String(error)
  )

describe("the options of serve in a program", () => {
  it("are refused by name when they are unknown, without the value of a setting", async () => {
    assert.match(await refusal({ projection: [] }), /^serve has no option projection; it has settings, roles/)
    assert.match(
      await refusal({ roles: ["admn"] }),
      /^serve: roles is \["admn"\]; allowed is a list of ingress, projector, admin, at least one\.$/
    )
    assert.match(
      await refusal({ settings: "PORT=1" }),
      /^serve: settings is text of 6 characters; allowed is/
    )
    const wrong = await refusal({
      settings: { ADMIN_TOKN: "a-secret", THREEQPR_WEBHOOK_SECRET: ["a-secret"] }
    })
    assert.strictEqual(
      wrong,
      "serve: settings has ADMIN_TOKN, which does not exist. Did you mean ADMIN_TOKEN?\n"
        + "serve: the setting THREEQPR_WEBHOOK_SECRET is of another type (object); allowed is a text, a number or a boolean."
    )
  })

  it("are refused as the command refuses a wrong setting", async () => {
    assert.match(
      await refusal({ settings: { PORT: 99_999, DATABASE_URL: undefined } }),
      /^PORT is "99999"; allowed is a whole number from 0 to 65535\.$/
    )
  })

  it("are refused with the place and every fault of wrong definitions, before anything starts", async () => {
    const settings = { DATA_DIR: "/nowhere/data" }
    assert.match(
      await refusal({ settings, projections: [countries, { ...countries, name: "other", key: [] }, 7] }),
      /^projections\[1\]: key is \[\]; allowed.*\nprojections\[2\]: It is 7; allowed is an object/
    )
    assert.match(
      await refusal({ settings, projections: [countries, countries] }),
      /^projections\[1\]: the name countries is used by projections\[0\]; choose another name\.$/
    )
    assert.match(
      await refusal({ settings: { ...settings, PROJECTIONS: "./models.ts" }, projections: [countries] }),
      /^PROJECTIONS is "\.\/models\.ts", and serve has the option projections too\. Unset one of them\.$/
    )
  })
})
