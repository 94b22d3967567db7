// Runs: long, node first

import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { connect, DiscardPolicy, type JetStreamManager, type StreamConfig } from "nats"
import { Ledger } from "../../support/Faults/Ledger.ts"
import * as System from "../../support/Faults/System.ts"
import * as Traffic from "../../support/Faults/Traffic.ts"
import { send } from "../../support/Http.ts"
import { test } from "../../support/Live.ts"
import { threeqpr } from "../../support/Serve.ts"
import { until } from "../../support/Until.ts"

// Row 9 of the catalogue: the stream is deleted, created again, changed or purged under load.

/** What an operator does directly at the broker. */
const atBroker = <A>({ broker }: System.System, act: (manager: JetStreamManager) => Promise<A>) =>
  Effect.promise(async () => {
    const connection = await connect({ servers: broker.url, token: broker.token })
    try {
      return await act(await connection.jetstreamManager())
    } finally {
      await connection.close()
    }
  })

const configOf = (manager: JetStreamManager) =>
  manager.streams.info("3QPR_EVENTS").then(({ config }) => config)

/** Deletes the stream and creates it again with a changed configuration. */
const remake = (system: System.System, changes: Partial<StreamConfig> = {}) =>
  atBroker(system, async (manager) => {
    const config = await configOf(manager)
    await manager.streams.delete("3QPR_EVENTS")
    await manager.streams.add({ ...config, ...changes })
  })

const traffic = (system: System.System, ledger: Ledger, seed: number) =>
  Traffic.run(ledger, { rate: 150, seed, urls: system.urls, secret: () => System.secret })

const sent = (ledger: Ledger, count: number) =>
  Effect.repeat(Effect.sleep("10 millis"), { until: () => ledger.sent.size >= count })

const untilNotReady = (url: string, why: RegExp) =>
  until(
    `not ready, ${why}`,
    Effect.map(send(url), ({ body, status }) => `${status} ${JSON.stringify(body)}`),
    (answer) => answer.startsWith("503") && why.test(answer)
  )

const rowsOfScans = Effect.flatMap(
  SqlClient,
  (sql) => sql`select id, event_id, sequence::text, data from scans order by id`
)

describe("the stream under load", () => {
  test(
    "that is deleted causes 503; once created again it changes no row of the old stream until a rebuild accepts it",
    Effect.gen(function*() {
      const system = yield* System.make({ receivers: 1, projectors: 2 })
      const admin = yield* system.add("admin")
      const old = new Ledger()
      const first = yield* traffic(system, old, 1)
      yield* sent(old, 300)
      yield* first.stop
      yield* system.settled
      const rows = yield* system.query(rowsOfScans)
      assert.isAbove(rows.length, 100)

      const ledger = new Ledger()
      const config = yield* atBroker(system, configOf)
      yield* atBroker(system, (manager) => manager.streams.delete("3QPR_EVENTS"))
      const deleted = performance.now()
      const second = yield* traffic(system, ledger, 2)
      yield* Effect.repeat(Effect.sleep("10 millis"), {
        until: () => (ledger.statuses["503"] ?? 0) > 50
      })
      assert.isUndefined(ledger.statuses["200"])
      const receiver = system.receivers[0]?.webhook.replace("/webhooks/3qpr", "/readyz") ?? ""
      yield* untilNotReady(receiver, /stream/)
      yield* atBroker(system, (manager) => manager.streams.add(config))
      const projector = system.projectors[0]?.admin ?? ""
      yield* untilNotReady(
        `${projector}/readyz`,
        /projection scans.*event log.*so no event is applied.*--accept-new-log/
      )
      yield* sent(ledger, 500)
      yield* second.stop
      assert.isAbove(ledger.since(deleted).filter(({ status }) => status === 200).length, 100)
      assert.deepStrictEqual(yield* system.query(rowsOfScans), rows)

      const command = (...args: ReadonlyArray<string>) =>
        threeqpr(["projections", ...args, "--admin-url", admin.admin])
      const list = yield* command("list", "--json")
      assert.match(list.stdout, /event log.*so no event is applied/)
      const refused = yield* command("rebuild", "scans")
      assert.strictEqual(refused.code, 1)
      assert.match(refused.stderr, /failed: .*event log.*so no event is applied.*--accept-new-log/)
      assert.deepStrictEqual(yield* system.query(rowsOfScans), rows)
      for (const name of ["scans", "conversations", "qpr_codes", "subscriptions"]) {
        const rebuilt = yield* command("rebuild", name, "--accept-new-log")
        assert.strictEqual(rebuilt.code, 0, rebuilt.stderr)
      }
      const verdict = yield* system.check(ledger)
      assert.deepStrictEqual(verdict.problems, [])
      assert.strictEqual(verdict.counts.ok, verdict.counts.sent)
      const third = yield* traffic(system, ledger, 3)
      yield* sent(ledger, ledger.sent.size + 100)
      yield* third.stop
      assert.deepStrictEqual((yield* system.check(ledger)).problems, [])
    }),
    120_000
  )

  test(
    "that is created again with settings that can lose events ends readiness, with the reason",
    Effect.gen(function*() {
      const system = yield* System.make({ receivers: 1, projectors: 0 })
      yield* remake(system, { discard: DiscardPolicy.Old, duplicate_window: 120_000_000_000 })
      const receiver = system.receivers[0]?.webhook.replace("/webhooks/3qpr", "/readyz") ?? ""
      const answer = yield* untilNotReady(receiver, /is configured so that events could be lost/)
      assert.match(answer, /discard policy is old/)
      assert.match(answer, /duplicate window is 2m/)
    }),
    60_000
  )

  test(
    "that is purged continues: later events are applied once, and no event is applied twice",
    Effect.gen(function*() {
      const system = yield* System.make({ receivers: 1, projectors: 2 })
      const purged = new Ledger()
      const first = yield* traffic(system, purged, 1)
      yield* sent(purged, 200)
      yield* first.stop
      yield* system.settled
      const before = yield* system.query(rowsOfScans)
      yield* atBroker(system, (manager) => manager.streams.purge("3QPR_EVENTS"))
      const ledger = new Ledger()
      const second = yield* traffic(system, ledger, 2)
      yield* sent(ledger, 200)
      yield* second.stop
      const { counts } = yield* system.check(ledger)
      assert.strictEqual(counts.ok, counts.sent)
      const after = yield* system.query(rowsOfScans)
      const ids = new Set(after.map(({ id }) => id))
      assert.isTrue(before.every(({ id }) => ids.has(id)))
    }),
    60_000
  )
})
