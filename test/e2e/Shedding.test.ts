// Runs: long

import { assert, describe } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { Buffer } from "node:buffer"
import * as Signature from "../../src/Signature/Signature.ts"
import { head } from "../fuzz/Request.ts"
import { exchange, type Step } from "../fuzz/Wire.ts"
import { untilReadiness } from "../support/Faults/Scene.ts"
import { deliver } from "../support/Http.ts"
import { ingress } from "../support/Ingress.ts"
import { test } from "../support/Live.ts"

describe("the public listener with few resources", () => {
  // Row 30.
  test(
    "sheds load and continues with 256 open files and 128 MB of heap",
    Effect.gen(function*() {
      const { ledger, port, target } = yield* ingress({ files: 256, heap: 128 })
      const body = ledger.event()
      const signature = ledger.sign(body)
      assert.strictEqual((yield* deliver(target.webhook, { body, signature })).status, 200)
      const large = [
        head(["Content-Length: 1000000", `${Signature.header}: sha256=${"0".repeat(64)}`]),
        Buffer.alloc(1_000_000, "x")
      ]
      const attacks: ReadonlyArray<ReadonlyArray<Step>> = [
        [],
        [Buffer.from("POST /webhooks/3qpr HTTP/1.1\r\nHost: x\r\nX: ")],
        [head([], "GET /livez HTTP/1.1"), 3_000],
        large
      ]
      for (const steps of attacks) {
        const all = yield* Effect.promise(() =>
          Promise.all(
            Array.from({ length: 600 }, () => exchange(port, steps, { answers: 2, patience: 9_000 }))
          )
        )
        for (const { responses } of all) {
          for (const { status } of responses) assert.include([200, 400, 408, 503], status)
        }
        // A client waits at most for the listener's time-outs, and on Deno until the listener accepts connections
        // again.
        const again = yield* deliver(target.webhook, { body, signature }).pipe(
          Effect.timeout("2 seconds"),
          Effect.sandbox,
          Effect.filterOrFail(({ status }) => status === 200),
          Effect.retry(Schedule.spaced("100 millis")),
          Effect.timeout("30 seconds")
        )
        assert.strictEqual(again.status, 200)
      }
      yield* untilReadiness(target, 200)
    }),
    240_000
  )
})
