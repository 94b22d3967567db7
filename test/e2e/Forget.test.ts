import { assert, describe } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { newStores } from "../support/Databases.ts"
import { deliver, send } from "../support/Http.ts"
import { test } from "../support/Live.ts"
import { serve, threeqpr } from "../support/Serve.ts"
import { poll } from "../support/Until.ts"
import { scanCreated, secret, signed } from "../support/Webhook.ts"

const totalOf = (admin: string) =>
  Effect.map(send(`${admin}/v1/scans`), ({ body }) => (body as { readonly total: number }).total)

const untilTotal = (admin: string, total: number) => poll(totalOf(admin), (there) => there === total)

describe("threeqpr forget", () => {
  test(
    "counts the matching events, requires a reason and a confirmation, erases them, and reports when none are left",
    Effect.gen(function*() {
      const { admin, webhook } = yield* serve({
        ...(yield* newStores),
        THREEQPR_WEBHOOK_SECRET: Redacted.value(secret)
      })
      for (let at = 0; at < 6; at++) {
        const qpr_code_id = at < 4 ? "qpr_gone" : "qpr_stays"
        yield* deliver(webhook, signed(scanCreated(`evt_${at}`, { qpr_code_id })))
      }
      yield* untilTotal(admin, 6)
      const forget = (...args: ReadonlyArray<string>) =>
        threeqpr(["forget", ...args, "--admin-url", admin], {
          THREEQPR_WEBHOOK_SECRET: Redacted.value(secret)
        })

      const dry = yield* forget("--qpr-code", "qpr_gone", "--dry-run")
      assert.deepStrictEqual([dry.code, dry.stdout], [0, "4 events (scans: 4) would be forgotten.\n"])
      for (
        const [args, said] of [
          [["--qpr-code", "qpr_gone", "--yes"], /give the reason with --reason/],
          [["--qpr-code", "qpr_gone", "--reason", "asked for"], /--yes/],
          [["--reason", "asked for", "--yes"], /--qpr-code, --conversation or --event/],
          [["--qpr-code", "a", "--event", "b", "--reason", "c", "--yes"], /in exactly one way/]
        ] as const
      ) {
        const { code, stderr, stdout } = yield* forget(...args)
        assert.deepStrictEqual([code, stdout], [2, ""])
        assert.match(stderr, said)
      }
      assert.strictEqual(yield* totalOf(admin), 6)

      const done = yield* forget("--qpr-code", "qpr_gone", "--reason", "asked for", "--yes")
      assert.strictEqual(done.code, 0, done.stderr)
      assert.match(done.stdout, /^ID +RESULT/)
      assert.strictEqual(done.stdout.match(/ forgotten/g)?.length, 4)
      assert.match(done.stderr, /forget done: 4 of 4 \(4 forgotten\)/)
      assert.strictEqual(yield* totalOf(admin), 2)

      const again = yield* forget("--qpr-code", "qpr_gone", "--reason", "asked for", "--yes")
      assert.deepStrictEqual([again.code, again.stdout], [1, ""])
      assert.include(again.stderr, "There is no trace of qpr_gone.")
      const { body } = yield* send(`${admin}/v1/operations`)
      const [operation] = (body as { readonly operations: ReadonlyArray<Record<string, unknown>> }).operations
      assert.deepInclude(operation, {
        kind: "forget",
        reason: "asked for",
        asked: { kind: "qpr_code", id: "qpr_gone" }
      })
      const life = yield* threeqpr(["events", "get", "evt_0", "--admin-url", admin])
      assert.strictEqual(life.code, 1)
    })
  )
})
