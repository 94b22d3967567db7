// Runs: long, node first

import { assert, describe } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Database } from "../../src/Database/Database.ts"
import { newDatabase, newDataDir } from "../support/Databases.ts"
import { Bodies, drawsOf } from "../support/Faults/Bodies.ts"
import { Ledger } from "../support/Faults/Ledger.ts"
import { deliver } from "../support/Faults/Traffic.ts"
import { test } from "../support/Live.ts"
import { refusePoison } from "../support/Poison.ts"
import { serve, threeqpr } from "../support/Serve.ts"
import { poll } from "../support/Until.ts"
import { secret } from "../support/Webhook.ts"

describe("threeqpr projections verify --ledger", () => {
  test(
    "accounts for every entry once, and names a skipped, a doubled and an unexplained event",
    Effect.gen(function*() {
      const DATABASE_URL = yield* newDatabase
      const database = yield* Layer.build(Database.layer({ url: Redacted.make(DATABASE_URL), dataDir: "" }))
      const sql = Context.get(database, SqlClient)
      yield* Effect.provideService(refusePoison, SqlClient, sql)
      const { admin, webhook } = yield* serve({
        DATA_DIR: yield* newDataDir,
        DATABASE_URL,
        THREEQPR_WEBHOOK_SECRET: Redacted.value(secret)
      })
      const ledger = new Ledger()
      const bodies = new Bodies(drawsOf(3), "ledger")
      yield* Effect.forEach(
        Array.from({ length: 5_000 }, () => bodies.next(ledger)),
        (sent) => deliver(ledger, { urls: () => [webhook], secret: () => secret }, sent),
        { concurrency: 32 }
      )
      const kinds = Object.groupBy(ledger.sent.values(), ({ kind }) => kind)
      const verify = (...args: ReadonlyArray<string>) =>
        threeqpr(["projections", "verify", "scans", "--ledger", "--admin-url", admin, ...args])
      const verified = Effect.map(verify("--json"), ({ code, stdout }) => ({ code, ...JSON.parse(stdout) }))
      const stored = (kinds.event?.length ?? 0) + (kinds.poison?.length ?? 0) +
        (kinds.quarantined?.length ?? 0)
      const clean = yield* poll(verified, ({ counts }) => counts.stream >= stored)
      assert.strictEqual(clean.code, 0)
      const { counts, problems, unexplained } = clean
      const scans = kinds.event?.filter(({ type }) => type === "scan.created").length
      assert.deepInclude(counts, {
        stream: stored,
        applied: scans,
        repeated: 0,
        dead_lettered: kinds.poison?.length,
        quarantined: kinds.quarantined?.length,
        skipped: 0,
        double: 0
      })
      assert.deepStrictEqual([problems, unexplained], [[], 0])

      const [removed] = yield* sql<{ readonly event_id: string; readonly sequence: number }>`
        delete from scans_applied_1 where sequence = (select min(sequence) from scans_applied_1)
        returning event_id, sequence::float8 as sequence`
      yield* sql`insert into scans_applied_1 values ('evt_of_nobody', 7)`
      yield* sql`insert into repeated
        select 'scans', 1, max(sequence) from scans_applied_1`
      const broken = yield* verified
      assert.strictEqual(broken.code, 1)
      assert.deepInclude(broken.counts, { skipped: 1, double: 1 })
      assert.deepInclude(broken.problems, {
        kind: "skipped",
        sequence: removed?.sequence,
        id: removed?.event_id
      })
      assert.deepInclude(broken.problems, { kind: "unexplained", sequence: 7, id: "evt_of_nobody" })
      const shown = yield* verify()
      assert.match(shown.stdout, /^scans +skipped +\d+ +evt_ledger_\d+$/m)
      assert.match(shown.stderr, /Not every event has exactly one result in scans/)
      const all = yield* threeqpr(["projections", "verify", "--ledger", "--admin-url", admin])
      assert.match(all.stdout, /^ENTRIES +scans +conversations +qpr_codes +subscriptions$/m)
      assert.match(all.stdout, /^skipped +1 +0 +0 +0$/m)
    }),
    120_000
  )
})
