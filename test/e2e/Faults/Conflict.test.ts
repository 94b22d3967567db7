// Runs: long

import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { Buffer } from "node:buffer"
import * as Signature from "../../../src/Signature/Signature.ts"
import { readStream } from "../../support/Faults/Stored.ts"
import * as System from "../../support/Faults/System.ts"
import { send } from "../../support/Http.ts"
import { test } from "../../support/Live.ts"
import { scanCreated } from "../../support/Webhook.ts"

// Row 23 of the catalogue.
describe("a stored id that arrives with a different body", () => {
  test(
    "is answered as a duplicate; the first body is kept, and the log reports the other without its content",
    Effect.gen(function*() {
      const system = yield* System.make({ receivers: 2, projectors: 0 })
      const [one = "", other = ""] = system.urls()
      const deliver = (url: string, body: string) =>
        send(url, {
          method: "POST",
          headers: { [Signature.header]: Signature.sign(Buffer.from(body), System.secret) },
          body
        })
      const bodies = [scanCreated("evt_1", { country: "CH" }), scanCreated("evt_1", { country: "DE" })]
      assert.deepInclude((yield* deliver(one, bodies[0] ?? "")).body, { duplicate: false })
      assert.deepInclude((yield* deliver(other, bodies[0] ?? "")).body, { duplicate: true })
      assert.deepInclude((yield* deliver(other, bodies[1] ?? "")).body, { duplicate: true })
      const logs = () =>
        system.receivers[1]?.now()?.logs.filter((line) => line.includes("different body")) ?? []
      yield* Effect.repeat(Effect.sleep("10 millis"), { until: () => logs().length > 0 })
      assert.match(
        logs().join(),
        /^event evt_1 was delivered again with a different body.*\(1 conflicts so far\)$/
      )
      assert.notInclude(logs().join(), "DE")
      const stored = yield* Effect.promise(() => readStream(system.broker, "3QPR_EVENTS"))
      const events = stored.filter(({ subject }) => subject.startsWith("3qpr.events."))
      assert.deepStrictEqual(events.map(({ body }) => Buffer.from(body).toString()), [bodies[0]])
    })
  )
})
