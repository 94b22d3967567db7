// Runs: node first

import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { FetchHttpClient, HttpServer } from "effect/http"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import * as Admin from "../../../src/Admin/Admin.ts"
import { AdminClient } from "../../../src/Admin/Client.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import { quarantineSubject } from "../../../src/EventLog/Names.ts"
import { Operations } from "../../../src/EventLog/Operations.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { projections } from "../../../src/Projector/Projections.ts"
import * as Projector from "../../../src/Projector/Projector.ts"
import { entryOf } from "../../contract/EventLog.ts"
import { postgres } from "../../support/Databases.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { poison, poisonError, refusePoison } from "../../support/Poison.ts"
import { append } from "../../support/Projecting.ts"
import { untilDone } from "../../support/Redrive.ts"
import { poll, until } from "../../support/Until.ts"
import { scanCreated } from "../../support/Webhook.ts"

const client = Layer.unwrap(
  Effect.map(
    HttpServer.HttpServer,
    ({ address }) => AdminClient.layer({ url: HttpServer.formatAddress(address) })
  )
).pipe(Layer.provide(FetchHttpClient.layer))

const listener = client.pipe(
  Layer.provideMerge(Admin.layer({ host: "127.0.0.1", port: 0 })),
  Layer.provideMerge(Operations.layer),
  Layer.provideMerge(Projector.layer(projections)),
  Layer.provideMerge(Layer.mergeAll(consumersOnBroker, ProcessHealth.layer)),
  Layer.provideMerge(postgres.layer)
)

const lifeOf = (id: string) =>
  Effect.flatMap(AdminClient, ({ eventLife }) => eventLife.get({ params: { id } }))

/** The outcome of an event in one projection. */
const fateOf = Effect.fnUntraced(function*(id: string, name = "scans") {
  const { projections } = yield* lifeOf(id)
  return projections.find((fate) => fate.name === name) ?? assert.fail(`no fate in ${name}`)
})

const untilFate = (id: string, state: string) => poll(fateOf(id), (fate) => fate.state === state)

layer(listener, { excludeTestServices: true })("/v1/events/:id/life", (it) => {
  it.effect("shows an applied event: where it was stored and applied, its repetitions and its row", () =>
    Effect.gen(function*() {
      const first = yield* append("evt_applied", scanCreated("evt_applied"))
      yield* untilFate("evt_applied", "applied")
      const again = yield* (yield* EventLog).append(
        entryOf("evt_applied", {
          dedupId: "behind the window",
          body: Buffer.from(scanCreated("evt_applied"))
        })
      )
      yield* poll(fateOf("evt_applied"), ({ repeated }) => repeated.length > 0)
      const life = yield* lifeOf("evt_applied")
      assert.deepInclude(life, { id: "evt_applied", type: "scan.created", dead_letters: [], operations: [] })
      assert.deepStrictEqual(life.received, {
        at: "2026-03-20T15:30:00.000Z",
        signed: true,
        origin: "webhook",
        reconciliation: null,
        quarantined: null
      })
      assert.deepStrictEqual(life.stored.map(({ sequence }) => sequence), [first.sequence, again.sequence])
      const scans = life.projections.find(({ name }) => name === "scans")
      assert.deepInclude(scans, {
        generation: 1,
        durable: "scans-1",
        state: "applied",
        sequence: first.sequence,
        repeated: [again.sequence],
        dead_letter: null
      })
      assert.deepStrictEqual(
        life.projections.filter(({ name }) => name !== "scans").map(({ state }) => state),
        ["not_mine", "not_mine", "not_mine"]
      )
      const row = { projection: "scans", table: "scans", key: "scan_of_evt_applied" }
      assert.deepStrictEqual(life.rows, [
        { ...row, event_id: "evt_applied", sequence: first.sequence, current: true }
      ])
    }))

  it.effect("shows that a later event has written the row", () =>
    Effect.gen(function*() {
      const body = (id: string) => `{"id":"${id}","event":"scan.created","data":{"id":"scan_shared"}}`
      yield* append("evt_earlier", body("evt_earlier"))
      yield* append("evt_later", body("evt_later"))
      yield* untilFate("evt_later", "applied")
      const { rows } = yield* lifeOf("evt_earlier")
      assert.deepInclude(rows[0], { key: "scan_shared", event_id: "evt_later", current: false })
    }))

  it.effect("shows a dead letter: its error, and what operators did with it", () =>
    Effect.gen(function*() {
      const { deadLetters } = yield* AdminClient
      yield* refusePoison
      const { sequence } = yield* append("evt_poison", scanCreated("evt_poison", { city: poison }))
      const dead = yield* untilFate("evt_poison", "dead_letter")
      assert.strictEqual(dead.dead_letter?.id, `scans-1:${sequence}`)
      assert.match(dead.dead_letter?.error ?? "", poisonError)
      const letter = `scans-1:${sequence}`
      const ids = [letter]
      const redrive = yield* deadLetters.redrive({ payload: { ids, by: "the tests" } })
      yield* untilDone(redrive.operation ?? "")
      const redriven = yield* lifeOf("evt_poison")
      assert.deepStrictEqual(redriven.dead_letters.map(({ attempts, id }) => [id, attempts]), [[letter, 2]])
      assert.deepStrictEqual(redriven.operations.map(({ by, id, kind, result }) => [kind, by, id, result]), [
        ["redrive", "the tests", letter, "dead"]
      ])
      const discard = yield* deadLetters.discard({ payload: { ids, by: "the tests", reason: "no city" } })
      yield* untilDone(discard.operation ?? "")
      yield* untilFate("evt_poison", "discarded")
      const { dead_letters, operations, stored } = yield* lifeOf("evt_poison")
      assert.deepStrictEqual(dead_letters, [])
      assert.deepInclude(operations[1], { kind: "discard", reason: "no city", result: "discarded" })
      assert.deepStrictEqual(stored.map((stored) => stored.sequence), [sequence])
    }))

  it.effect("shows a quarantined entry, and the event that a redrive made from it", () =>
    Effect.gen(function*() {
      const { quarantine } = yield* AdminClient
      const quarantined = yield* (yield* EventLog).append(
        entryOf("evt_odd", {
          subject: quarantineSubject("invalid_data"),
          body: Buffer.from(scanCreated("evt_odd")),
          type: quarantineSubject("invalid_data")
        })
      )
      const before = yield* lifeOf("evt_odd")
      assert.strictEqual(before.received?.quarantined, "invalid_data")
      assert.deepStrictEqual(before.projections.map(({ state }) => state), Array(4).fill("quarantined"))
      assert.deepStrictEqual(before.rows, [])
      const { operation } = yield* quarantine.redrive({
        payload: { sequences: [quarantined.sequence], by: "the tests" }
      })
      yield* untilDone(operation ?? "")
      yield* untilFate("evt_odd", "applied")
      const { operations, rows, stored } = yield* lifeOf("evt_odd")
      assert.strictEqual(stored.at(-1)?.quarantined_as, quarantined.sequence)
      assert.deepStrictEqual(operations.map(({ id, result }) => [id, result]), [
        [String(quarantined.sequence), "released"]
      ])
      assert.strictEqual(rows[0]?.key, "scan_of_evt_odd")
    }))

  it.effect("shows an event that was fetched from 3QPR's API", () =>
    Effect.gen(function*() {
      const { signature: _, ...entry } = entryOf("evt_reconciled", {
        reconciledBy: 7,
        body: Buffer.from(scanCreated("evt_reconciled"))
      })
      yield* (yield* EventLog).append(entry)
      yield* untilFate("evt_reconciled", "applied")
      assert.deepInclude((yield* lifeOf("evt_reconciled")).received, {
        signed: false,
        origin: "reconciliation",
        reconciliation: 7
      })
    }))

  it.effect("shows a waiting event, and how far its consumer is", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      yield* sql`alter table scans_1 rename to scans_1_away`
      const { sequence } = yield* append("evt_waiting", scanCreated("evt_waiting"))
      // A consumer counts an event a moment after the append is acknowledged.
      const fate = yield* until("it waits", fateOf("evt_waiting"), ({ lag }) => lag > 0).pipe(
        Effect.ensuring(Effect.orDie(sql`alter table scans_1_away rename to scans_1`))
      )
      assert.strictEqual(fate.state, "waiting")
      assert.isBelow(fate.finished_to, sequence)
      yield* untilFate("evt_waiting", "applied")
    }))

  it.effect("answers an unknown event with not found, and an impossible id with an invalid request", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(lifeOf("evt_nobody")))._tag, "NotFound")
      assert.strictEqual((yield* Effect.flip(lifeOf("evt_\u0001")))._tag, "NotFound")
      assert.strictEqual((yield* Effect.flip(lifeOf("evt_\u0000")))._tag, "InvalidRequest")
    }))

  it.effect(
    "does not scan the log for an event that a projection or a dead letter knows",
    () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        yield* append("evt_known", scanCreated("evt_known"))
        yield* untilFate("evt_known", "applied")
        // The fastest of five, because a busy machine can delay any of them.
        const fastest = Effect.map(
          Effect.replicateEffect(Effect.timed(lifeOf("evt_known")), 5),
          (all) => Math.min(...all.map(([took]) => Duration.toMillis(took)))
        )
        const before = yield* fastest
        const count = 20_000
        yield* Effect.forEach(
          Array.from({ length: count }),
          (_, index) =>
            log.append(
              entryOf(`evt_other_${index}`, { subject: "3qpr.events.menu.opened", type: "menu.opened" })
            ),
          { concurrency: 100, discard: true }
        )
        assert.isAtLeast(yield* log.count({ after: 0 }), count)
        // Scanning 20,000 entries takes far longer.
        assert.isBelow(yield* fastest, before + 250)
      }),
    120_000
  )
})
