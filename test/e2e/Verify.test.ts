// Runs: long, node first

import { assert, describe } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Database } from "../../src/Database/Database.ts"
import { newDatabase, newDataDir, newStores } from "../support/Databases.ts"
import { test } from "../support/Live.ts"
import { serve, threeqpr } from "../support/Serve.ts"

const THREEQPR_WEBHOOK_SECRET = "whsec_of_the_tests"

const simulate = (admin: string, webhook: string, ...args: ReadonlyArray<string>) =>
  threeqpr(
    [
      "simulate",
      "--url",
      webhook,
      "--admin-url",
      admin,
      "--speed",
      "1000",
      "--seed",
      "7",
      "--verify",
      ...args
    ],
    { THREEQPR_WEBHOOK_SECRET }
  )

/**
 * Breaks the projection's table with a trigger: some rows are lost, others changed, and the projector sees no error.
 */
const breakScans = Effect.fnUntraced(function*(url: string) {
  const database = yield* Layer.build(Database.layer({ url: Redacted.make(url), dataDir: "" }))
  const sql = Context.get(database, SqlClient)
  yield* sql`
    create function broken() returns trigger language plpgsql as $$ begin
      if new.id ~ '[0-3]$' then return null; end if;
      if new.id ~ '[4-5]$' then new.country := 'XX'; end if;
      return new;
    end $$`
  yield* sql`create trigger broken before insert on scans_1 for each row execute function broken()`
})

describe("threeqpr simulate --verify", () => {
  test(
    "reports a full serve as clean with every fault injected",
    Effect.gen(function*() {
      const { admin, webhook } = yield* serve({ ...(yield* newStores), THREEQPR_WEBHOOK_SECRET })
      const args = ["--rate", "300", "--count", "1500", "--faults", "all", "--json"]
      const { code, stderr, stdout } = yield* simulate(admin, webhook, ...args)
      assert.strictEqual(code, 0, stderr)
      const { accepted, clean, forged, verification } = JSON.parse(stdout)
      assert.isTrue(clean)
      assert.strictEqual(accepted, 1_500)
      assert.isAbove(forged.refused, 0)
      assert.isTrue(verification.clean)
      assert.strictEqual(verification.log.checked, 1_500)
      assert.isAbove(verification.scans.checked, 700)
      assert.isAbove(verification.conversations.checked, 100)
    })
  )

  test(
    "exits 1 and names the rows that a broken projection lost or changed",
    Effect.gen(function*() {
      const DATABASE_URL = yield* newDatabase
      const { admin, webhook } = yield* serve({
        DATA_DIR: yield* newDataDir,
        DATABASE_URL,
        THREEQPR_WEBHOOK_SECRET
      })
      yield* breakScans(DATABASE_URL)
      const args = ["--rate", "200", "--count", "200"]
      const { code, stderr, stdout } = yield* simulate(admin, webhook, ...args)
      assert.strictEqual(code, 1)
      const [, missing] = /Not clean: .*?(\d+) scans without a row/.exec(stderr) ?? []
      assert.isAbove(Number(missing), 0, stderr)
      assert.match(stderr, /\d+ scans whose row differs/)
      assert.match(stdout, /scan_\w+[0-3]$/m)
      assert.match(stdout, /scan_\w+[4-5].*country/)
      assert.match(stdout, /not clean/)
    })
  )

  test(
    "exits 1 and names the missing rows when no projector runs",
    Effect.gen(function*() {
      const environment = { ...(yield* newStores), THREEQPR_WEBHOOK_SECRET }
      yield* (yield* serve(environment)).end("SIGTERM")
      const { admin, webhook } = yield* serve(environment, ["--role", "ingress", "--role", "admin"])
      const { code, stderr, stdout } = yield* simulate(admin, webhook, "--rate", "200", "--count", "40")
      assert.strictEqual(code, 1)
      assert.match(stderr, /\d+ scans without a row/)
      assert.match(stdout, /^projections: /m)
    })
  )
})
