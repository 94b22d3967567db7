// Runs: long, node first

import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { connect, headers } from "nats"
import { Buffer } from "node:buffer"
import { Ledger } from "../../support/Faults/Ledger.ts"
import * as System from "../../support/Faults/System.ts"
import * as Traffic from "../../support/Faults/Traffic.ts"
import { test } from "../../support/Live.ts"

/** Sends some seconds of mixed traffic, and waits until all of it is delivered. */
const traffic = Effect.fnUntraced(function*(system: System.System, ledger: Ledger, count: number) {
  const { stop } = yield* Traffic.run(ledger, {
    rate: 200,
    seed: 1,
    urls: system.urls,
    secret: () => System.secret
  })
  yield* Effect.repeat(Effect.sleep("10 millis"), { until: () => ledger.sent.size >= count })
  yield* stop
})

describe("the checker of faults", () => {
  test(
    "finds nothing after a run without faults, and every event that is lost, changed, doubled or inserted by hand",
    Effect.gen(function*() {
      const system = yield* System.make({ receivers: 2, projectors: 2 })
      const ledger = new Ledger()
      yield* traffic(system, ledger, 500)
      const clean = yield* system.check(ledger)
      assert.deepStrictEqual(clean.problems, [])
      assert.isAbove(clean.counts.sent, 499)
      assert.strictEqual(clean.counts.ok, clean.counts.sent)
      assert.isAbove(clean.counts.quarantined, 0)
      assert.isAbove(clean.counts.dead_lettered, 0)
      assert.isAbove(clean.counts.attempts["400"] ?? 0, 0)

      const problemsAfter = Effect.fnUntraced(function*(statement: string, undo: string) {
        const run = (text: string) =>
          Effect.forEach(
            text.split(";"),
            (one) => system.query(Effect.flatMap(SqlClient, (sql) => sql.unsafe(one)))
          )
        yield* run(statement)
        const { counts, problems } = yield* system.check(ledger)
        yield* run(undo)
        return { ...counts, problems: problems.join("\n") }
      })
      const some = "(select min(id) from scans_1)"
      const changed = yield* problemsAfter(
        `update scans_1 set data = data || '{"country":"XX"}' where id = ${some}`,
        `update scans_1 set data = data || jsonb_build_object('country', country) where id = ${some}`
      )
      assert.match(changed.problems, /^scans: row scan_\S+ is of /m)
      const count = "(select ctid from scan_days_1 limit 1)"
      const miscounted = yield* problemsAfter(
        `update scan_days_1 set scans = scans + 1000 where ctid = ${count}`,
        "update scan_days_1 set scans = scans - 1000 where scans >= 1000"
      )
      assert.match(miscounted.problems, /^scan_days: qpr_\S+ is 10\d\d, not \d+$/m)
      const skipped = yield* problemsAfter(
        "create table kept as select * from scans_applied_1 where sequence < 20; "
          + "delete from scans_applied_1 where sequence < 20",
        "insert into scans_applied_1 select * from kept; drop table kept"
      )
      assert.isAbove(skipped.skipped, 0)
      const slipped = yield* problemsAfter(
        "insert into scans_applied_1 values ('evt_nobody', 1)",
        "delete from scans_applied_1 where event_id = 'evt_nobody'"
      )
      assert.match(slipped.problems, /^applied evt_nobody at 1, which the stream has not$/m)

      const [first, second] = [...ledger.sent.values()].filter(({ kind }) => kind === "event")
      const forged = [...ledger.sent.values()].find(({ kind }) => kind === "forged")
      if (!first || !second || !forged) return assert.fail("nothing was sent")
      yield* Effect.promise(async () => {
        const connection = await connect({ servers: system.broker.url, token: system.broker.token })
        const js = connection.jetstream()
        const put = (id: string, body: Uint8Array) => {
          const own = headers()
          own.set("ce-id", id)
          own.set("ce-type", "menu.opened")
          return js.publish("3qpr.events.menu.opened", body, { headers: own })
        }
        await put(second.id, second.body)
        await put("evt_unsent", Buffer.from("{}"))
        await put(forged.id, forged.body)
        await connection.close()
      })
      const { counts, problems } = yield* system.check(ledger)
      assert.strictEqual(counts.duplicated, 1)
      assert.strictEqual(counts.forged_stored, 1)
      assert.include(problems, "in the stream and never sent: evt_unsent")
      first.accepted = 0
      assert.strictEqual((yield* system.check(ledger)).counts.unknown, 1)
      first.accepted = 1
      ledger.sent.set("evt_lost", { ...first, id: "evt_lost" })
      assert.strictEqual((yield* system.check(ledger)).counts.lost, 1)
    })
  )
})
