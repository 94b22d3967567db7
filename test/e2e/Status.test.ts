// Runs: long, node first

import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { platform } from "../support/Broker.ts"
import { newDataDir, newStores } from "../support/Databases.ts"
import { deliver, send } from "../support/Http.ts"
import * as Postgres from "../support/Postgres.ts"
import { serve, threeqpr } from "../support/Serve.ts"
import { poll } from "../support/Until.ts"
import { scanCreated, secret, signed } from "../support/Webhook.ts"

const THREEQPR_WEBHOOK_SECRET = Redacted.value(secret)

describe("threeqpr status", () => {
  it.live("shows the stream, its rates and the progress of each consumer", () =>
    Effect.gen(function*() {
      const server = yield* serve({ ...(yield* newStores), THREEQPR_WEBHOOK_SECRET })
      yield* deliver(server.webhook, signed(scanCreated("evt_1")))
      yield* deliver(server.webhook, signed("no json"))
      yield* poll(send(`${server.admin}/v1/scans/scan_of_evt_1`), ({ status }) => status === 200)
      const { code, stdout } = yield* threeqpr(["status", "--admin-url", server.admin])
      assert.strictEqual(code, 0)
      assert.match(stdout, /^threeqpr-events \d+\.\d+\.\d+  ready$/m)
      assert.match(stdout, /^stream 3QPR_EVENTS since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/m)
      assert.match(stdout, /^ {2}events +2 \(\d.* k?B\), sequences \d+ to \d+$/m)
      assert.match(stdout, /^ {2}stored +2 in the last minute \(0\.0 a second\), 2 in the last hour$/m)
      assert.match(stdout, /^ {2}dedup window +2h$/m)
      assert.match(stdout, /^ {2}quarantined +1$/m)
      assert.match(stdout, /^conversations-1 +0 +- +0 +0 +0 /m)
      assert.match(stdout, /^scans-1 +0 +- +0 +0 +0 +scan\.created$/m)
      const { stdout: json } = yield* threeqpr(["status", "--json", "--admin-url", server.admin])
      const { projections, ...status } = JSON.parse(json)
      assert.deepInclude(status, { ready: true, faults: [], quarantined: 1, dead_letters: 0 })
      const scans = projections.find(({ name }: { name: string }) => name === "scans")
      assert.deepInclude(scans.completeness, { applied: 1, missing: 0 })
    }).pipe(Effect.scoped, Effect.provide(platform)))

  it.live("reads the address and the token of the private listener from the settings", () =>
    Effect.gen(function*() {
      const environment = {
        ...(yield* newStores),
        ADMIN_TOKEN: "token_of_the_tests",
        THREEQPR_WEBHOOK_SECRET
      }
      const { admin } = yield* serve(environment)
      const ADMIN_PORT = new URL(admin).port
      assert.strictEqual(
        (yield* threeqpr(["status"], { ADMIN_PORT, ADMIN_TOKEN: "token_of_the_tests" })).code,
        0
      )
      const without = yield* threeqpr(["status"], { ADMIN_PORT })
      assert.strictEqual(without.code, 1)
      assert.include(without.stderr, "ADMIN_TOKEN")
      assert.notInclude(without.stderr, "without encryption")
      const remote = ["status", "--admin-url", "http://0.0.0.0:1"]
      const plain = yield* threeqpr(remote, { ADMIN_TOKEN: "token_of_the_tests" })
      assert.include(plain.stderr, "The token is sent to http://0.0.0.0:1 without encryption. Use https://")
      assert.strictEqual(
        (yield* threeqpr(["status"], { ADMIN_PORT, ADMIN_TOKEN: "another_token_of_the_tests" })).code,
        1
      )
    }).pipe(Effect.scoped, Effect.provide(platform)))

  it.live("exits 1 and names the part that is not ready, and shows the lag of its consumers", () =>
    Effect.gen(function*() {
      const postgres = yield* Postgres.start
      const server = yield* serve({
        DATA_DIR: yield* newDataDir,
        DATABASE_URL: postgres.url,
        THREEQPR_WEBHOOK_SECRET
      })
      yield* deliver(server.webhook, signed(scanCreated("evt_0")))
      yield* poll(send(`${server.admin}/v1/scans/scan_of_evt_0`), ({ status }) => status === 200)
      yield* postgres.stop
      yield* deliver(server.webhook, signed(scanCreated("evt_1")))
      const asked = threeqpr(["status", "--json", "--admin-url", server.admin])
      const { code, stderr, stdout } = yield* poll(asked, ({ code }) => code === 1)
      assert.strictEqual(code, 1)
      assert.match(stderr, /^threeqpr: not ready: .*database/)
      const { consumers } = JSON.parse(stdout)
      assert.deepInclude(consumers.find(({ name }: { name: string }) => name === "scans-1"), { lag: 1 })
      const { stdout: shown } = yield* threeqpr(["status", "--admin-url", server.admin])
      assert.match(shown, /^threeqpr-events .* not ready$/m)
      assert.match(shown, /^scans-1 +1 +.* \? +scan\.created$/m)
    }).pipe(Effect.scoped, Effect.provide(platform)))
})
