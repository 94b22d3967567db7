// Runs: broker

import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { FetchHttpClient, HttpServer } from "effect/http"
import * as Admin from "../../../src/Admin/Admin.ts"
import { receiversWithOthers } from "../../../src/Cli/Examine/RunningSecrets.ts"
import * as Rejections from "../../../src/Ingress/RecentRejections.ts"
import { Rejections as Kept } from "../../../src/Ingress/Rejections.ts"
import { load } from "../../../src/Process/Config.ts"
import { instance } from "../../../src/Process/Instance.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { labelled } from "../../../src/Signature/SignatureDoctor.ts"
import { postgres } from "../../support/Databases.ts"
import { send } from "../../support/Http.ts"
import { consumersOnBroker } from "../../support/Log.ts"

const listener = Admin.layer({ host: "127.0.0.1", port: 0 }).pipe(
  Layer.provideMerge(Layer.mergeAll(consumersOnBroker, ProcessHealth.layer)),
  Layer.provideMerge(postgres.layer),
  Layer.provideMerge(FetchHttpClient.layer)
)

const secretOf = (text: string, until?: number) => ({ value: Redacted.make(text), until })

layer(listener, { excludeTestServices: true })("the secrets of the running receivers", (it) => {
  it.effect("are compared with those that a command finds, and are never shown", () =>
    Effect.gen(function*() {
      const url = HttpServer.formatAddress((yield* HttpServer.HttpServer).address)
      const config = yield* load()
      const ask = (...texts: ReadonlyArray<string>) =>
        receiversWithOthers(config, url, texts.map((text) => Redacted.make(text)))
      assert.isUndefined(yield* ask("whsec_one"), "without a receiver")
      yield* Effect.scoped(Effect.gen(function*() {
        const now = Date.now()
        const known = labelled(
          [secretOf("whsec_one"), secretOf("whsec_two"), secretOf("whsec_old", now - 1)],
          now
        )
        yield* Rejections.answer(new Kept(), () => known)
        assert.deepStrictEqual(yield* ask("whsec_two", "whsec_one"), [])
        for (const other of [["whsec_one"], ["whsec_other"], ["whsec_one", "whsec_two", "whsec_old"]]) {
          assert.deepStrictEqual(yield* ask(...other), [instance()], other.join())
        }
        const { body } = yield* send(`${url}/v1/webhook-secrets?nonce=0123456789abcdef`)
        assert.notInclude(JSON.stringify(body), "whsec_")
      }))
      assert.isUndefined(yield* receiversWithOthers(config, "http://127.0.0.1:1", []), "nothing runs")
    }))
})
