// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Option } from "effect"
import { FetchHttpClient, HttpServer } from "effect/http"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import * as Admin from "../../../src/Admin/Admin.ts"
import { AdminClient } from "../../../src/Admin/Client.ts"
import { Consumers } from "../../../src/Consumer/Consumer.ts"
import { DeadLetters } from "../../../src/EventLog/DeadLetters.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import { forgetRows } from "../../../src/Jobs/Erasure/ErasedRows.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { applyOnce } from "../../../src/Projector/Apply/Batch.ts"
import { exclude, excludeGeneration } from "../../../src/Projector/Locks.ts"
import { durableName, type Projection } from "../../../src/Projector/Projection.ts"
import { projections } from "../../../src/Projector/Projections.ts"
import { qprCodes } from "../../../src/Projector/Projections/QprCodes.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { carryOver } from "../../../src/Projector/Rebuild/CatchUp.ts"
import { begin, request } from "../../../src/Projector/Rebuild/Rebuilds.ts"
import { active } from "../../../src/Projector/Registry.ts"
import { install } from "../../../src/Projector/Tables.ts"
import * as Broker from "../../support/Broker.ts"
import { postgres } from "../../support/Databases.ts"
import { log } from "../../support/Log.ts"
import { append, countOf, projectorOf, rebuilt, unequal, untilCount } from "../../support/Projecting.ts"
import { untilDone } from "../../support/Redrive.ts"
import { until } from "../../support/Until.ts"
import { scanCreated } from "../../support/Webhook.ts"

const client = Layer.unwrap(
  Effect.map(
    HttpServer.HttpServer,
    ({ address }) => AdminClient.layer({ url: HttpServer.formatAddress(address) })
  )
).pipe(Layer.provide(FetchHttpClient.layer))

const engines = Layer.mergeAll(log, ProcessHealth.layer, postgres.layer).pipe(
  Layer.provideMerge(Broker.layer)
)

const running = client.pipe(
  Layer.provideMerge(Admin.layer({ host: "127.0.0.1", port: 0 })),
  Layer.provideMerge(projectorOf(...projections)),
  Layer.provideMerge(Consumers.layer),
  Layer.provideMerge(DeadLetters.layer),
  Layer.provideMerge(engines)
)

const scan = (id: string, of = id) => append(id, scanCreated(of, { qpr_code_id: "qpr_gone" }))

const forget = Effect.fnUntraced(function*(rate: number) {
  const { forget } = yield* AdminClient
  return yield* forget.begin({
    payload: { qpr_code_id: "qpr_gone", by: "ann", reason: "asked for", rate }
  })
})

/** Waits until a session of the database is blocked by a lock. */
const untilBlocked = Effect.gen(function*() {
  const sql = yield* SqlClient
  const waiting = sql`select 1 from pg_locks where not granted and database = (
    select oid from pg_database where datname = current_database())`
  const others = sql`select 1 from pg_locks where not granted and locktype = 'transactionid'`
  yield* until("a session waits", Effect.all([waiting, others]), (all) => all.flat().length > 0)
})

const appliedOf = Effect.fnUntraced(function*(generation: number) {
  const sql = yield* SqlClient
  const rows = yield* sql.unsafe<{ readonly event_id: string; readonly sequence: number }>(
    `select event_id, sequence::int as sequence from scans_applied_${generation} order by event_id`
  )
  return rows.map(({ event_id, sequence }) => [event_id, sequence])
})

const durableFor = ({ name }: Projection, generation: number) => Effect.succeed(durableName(name, generation))

describe("an erasure", () => {
  it.live("includes events that arrive while it runs, and keeps each row whose entry is still in the log", () =>
    Effect.gen(function*() {
      const eventLog = yield* EventLog
      const first = yield* Effect.forEach(["g1", "g2", "g3"], (id) => scan(id))
      yield* untilCount("scans", 3)
      const { operation, up_to } = yield* forget(2)
      assert.strictEqual(up_to, first[2]?.sequence)
      const later = yield* Effect.forEach(["g4", "g5"], (id) => scan(id))
      const { requested, results } = yield* untilDone(operation)
      assert.deepStrictEqual({ requested, results }, { requested: 5, results: { forgotten: 5 } })
      for (const { sequence } of later) assert.isTrue(Option.isNone(yield* eventLog.get(sequence)))

      yield* scan("g6")
      yield* until("the new scan", countOf("scans"), (rows) => rows === 1)
      const compared = yield* rebuilt("scans", "verify")
      assert.deepStrictEqual(unequal(compared?.result), [])
    }).pipe(Effect.provide(running)))

  it.live("never deletes an entry whose row remains, even when it is interrupted", () =>
    Effect.gen(function*() {
      const eventLog = yield* EventLog
      const sql = yield* SqlClient
      const { sequence } = yield* scan("g1")
      yield* untilCount("scans", 1)
      const locked = yield* Deferred.make<void>()
      const release = yield* Deferred.make<void>()
      const held = yield* Effect.forkChild(
        sql.withTransaction(Effect.gen(function*() {
          yield* excludeGeneration("scans", 1)
          yield* Deferred.succeed(locked, undefined)
          yield* Deferred.await(release)
        }))
      )
      yield* Deferred.await(locked)
      const { operation } = yield* forget(1_000)
      yield* untilBlocked
      assert.isTrue(Option.isSome(yield* eventLog.get(sequence)))
      assert.deepStrictEqual(yield* appliedOf(1), [["g1", sequence]])
      yield* Deferred.succeed(release, undefined)
      yield* Fiber.join(held)
      assert.deepStrictEqual((yield* untilDone(operation)).results, { forgotten: 1 })
      assert.isTrue(Option.isNone(yield* eventLog.get(sequence)))
      assert.deepStrictEqual(yield* appliedOf(1), [["g1", -sequence]])
      assert.strictEqual(yield* countOf("scans"), 0)
    }).pipe(Effect.provide(running)))

  it.live("interrupted between the read models and the log does not break a rebuild or a comparison", () =>
    Effect.gen(function*() {
      const { sequence } = yield* scan("g1")
      yield* scan("g2")
      yield* untilCount("scans", 2)
      yield* forgetRows({
        sequences: [sequence],
        events: [{ id: "g1", sequence, type: "scan.created", own: "scan:scan_of_g1" }]
      })
      assert.deepStrictEqual(unequal((yield* rebuilt("scans", "verify"))?.result), [])
      assert.strictEqual((yield* rebuilt("scans"))?.state, "switched")
      assert.strictEqual(yield* countOf("scans"), 1)
      // Entries under an erased id are erased even without the operation that began the erasure.
      yield* until("its entry is erased", (yield* EventLog).get(sequence), Option.isNone)
      const { operation } = yield* forget(1_000)
      assert.deepStrictEqual((yield* untilDone(operation)).results, { forgotten: 1 })
      assert.strictEqual(yield* countOf("scans"), 0)
    }).pipe(Effect.provide(running)))

  it.live("includes types that only another version of the program applies", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      const type = "qpr_code.renamed"
      const codes: Projection = { ...qprCodes, types: [...qprCodes.types, type] }
      yield* install(codes, durableFor)
      // The event is not applied yet: it is on its way to a projector of the other version.
      yield* forgetRows({
        sequences: [7],
        events: [{ id: "evt_7", sequence: 7, type, own: "qpr_code:1" }]
      })
      assert.deepStrictEqual(
        yield* sql`select event_id, sequence::int as sequence from qpr_codes_applied_1`,
        [{ event_id: "evt_7", sequence: -7 }]
      )
    }).pipe(Effect.provide(engines)))

  it.live("keeps a row that a later event has written, as a rebuild does", () =>
    Effect.gen(function*() {
      const { sequence } = yield* scan("g1", "same")
      yield* scan("g2", "same")
      yield* until("both are applied", appliedOf(1), (rows) => rows.length === 2)
      yield* forgetRows({
        sequences: [sequence],
        events: [{ id: "g1", sequence, type: "scan.created", own: "scan:scan_of_same" }]
      })
      assert.strictEqual(yield* countOf("scans"), 1)
      assert.deepStrictEqual(unequal((yield* rebuilt("scans", "verify"))?.result), [])
    }).pipe(Effect.provide(running)))

  it.live("includes an event that a rebuild carries over at the same time", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      const { sequence } = yield* scan("g1")
      const event = {
        id: "g1",
        type: "scan.created",
        sequence,
        body: Buffer.from(""),
        receivedAt: "2026-03-20T15:30:00.000Z",
        deliveries: 1,
        subject: "3qpr.events.scan.created",
        headers: []
      }
      for (const projection of projections) yield* install(projection, durableFor)
      yield* applyOnce(scans, 1, [{ event, json: scanCreated("g1", { qpr_code_id: "qpr_gone" }) }])
      yield* request("scans", "rebuild", "ann")
      for (const rebuild of yield* active) yield* begin(scans, rebuild, durableFor)
      const carried = yield* Deferred.make<void>()
      const release = yield* Deferred.make<void>()
      const finishing = yield* Effect.forkChild(sql.withTransaction(Effect.gen(function*() {
        yield* exclude("scans")
        yield* carryOver(scans, { has: 1, lacks: 2 }, 0)
        yield* Deferred.succeed(carried, undefined)
        yield* Deferred.await(release)
      })))
      yield* Deferred.await(carried)
      const forgetting = yield* Effect.forkChild(forgetRows({
        sequences: [sequence],
        events: [{ id: "g1", sequence, type: "scan.created", own: "scan:scan_of_g1" }]
      }))
      yield* untilBlocked
      yield* Deferred.succeed(release, undefined)
      yield* Effect.all([Fiber.join(finishing), Fiber.join(forgetting)])
      assert.deepStrictEqual(yield* appliedOf(1), [["g1", -sequence]])
      assert.deepStrictEqual(yield* appliedOf(2), [["g1", -sequence]])
      assert.strictEqual(yield* countOf("scans_2"), 0)
    }).pipe(Effect.provide(engines)))
})
