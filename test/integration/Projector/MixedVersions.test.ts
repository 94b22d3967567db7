// Runs: long, broker, node first

import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Schedule, Scope } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { AckPolicy, type JetStreamManager } from "nats"
import { listedCode } from "../../../src/Domain/QprCode.ts"
import { DeadLetters } from "../../../src/EventLog/DeadLetters.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import { eventSubject, stream } from "../../../src/EventLog/Names.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { completeness } from "../../../src/Projector/Place/Completeness.ts"
import { LongestPause } from "../../../src/Projector/Place/DurableRepair.ts"
import { faultOf } from "../../../src/Projector/Place/Fault.ts"
import { placeOf } from "../../../src/Projector/Place/Places.ts"
import type { Projection } from "../../../src/Projector/Projection.ts"
import { qprCodes } from "../../../src/Projector/Projections/QprCodes.ts"
import { BeginPatience } from "../../../src/Projector/Rebuild/Rebuilds.ts"
import { lives } from "../../../src/Projector/Registry.ts"
import { postgres } from "../../support/Databases.ts"
import { logOnBroker } from "../../support/Log.ts"
import { append, countOf, projectorOf, rebuilt, unequal, untilCount } from "../../support/Projecting.ts"
import { until } from "../../support/Until.ts"

const created = "qpr_code.created"

/** Two definitions of one read model, as two versions of the program have them. */
const older: Projection = { ...qprCodes, types: [created], revision: 1 }
const newer: Projection = { ...qprCodes, types: [created, listedCode], revision: 2 }

/** A process with one of the definitions. */
const started = Effect.fnUntraced(function*(projection: Projection) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const built = yield* Layer.buildWithScope(
    Layer.fresh(projectorOf(projection).pipe(Layer.provideMerge(ProcessHealth.layer))),
    scope
  )
  const { faults } = Context.get(built, ProcessHealth)
  return {
    untilFault: (fits: RegExp) =>
      until(`a fault like ${fits}`, faults, (all) => all.some(({ reason }) => fits.test(reason))),
    untilReady: until("no fault", faults, (all) => all.length === 0),
    faults,
    stop: Scope.close(scope, Exit.void)
  }
})

const codes = (type: string, from: number, to: number) =>
  Effect.forEach(
    Array.from({ length: to - from }, (_, at) => `${type}_${from + at}`),
    (id) => append(id, JSON.stringify({ id, event: type, data: { id, name: id } }), type),
    { concurrency: 10, discard: true }
  )

/** Codes of both types at once. */
const both = (from: number, to: number) =>
  Effect.all([codes(created, from, to), codes(listedCode, from, to)], { concurrency: 2, discard: true })

const withManager = <A>(use: (manager: JetStreamManager) => Promise<A>) =>
  Effect.flatMap(
    Nats,
    ({ connection }) =>
      Effect.promise(async () => use(await connection.jetstreamManager({ checkAPI: false })))
  )

const durable = withManager(({ consumers }) => consumers.info(stream, "qpr_codes-1").catch(() => undefined))

const live = Effect.map(
  lives,
  (all) => all.find(({ name }) => name === "qpr_codes") ?? assert.fail("no live")
)

/** Waits until a generation accounts for every entry, and checks its rows against a build from the log. */
const verified = Effect.fnUntraced(function*(projection: Projection) {
  const { lastSequence } = yield* (yield* EventLog).state
  const { generation, name } = yield* live
  yield* until(
    "a checkpoint at the end",
    Effect.map(placeOf({ generation, name }), ({ checkpoint }) => checkpoint),
    (checkpoint) => checkpoint >= lastSequence
  )
  const account = yield* completeness(projection, generation, `${name}-${generation}`, lastSequence)
  assert.deepInclude(account, { missing: 0, unexplained: 0 })
  const verification = yield* rebuilt(name, "verify")
  assert.deepInclude(verification, { state: "compared", error: null })
  assert.deepStrictEqual(unequal(verification?.result), [])
})

const onServers = Effect.provide(
  Layer.provideMerge(DeadLetters.layer, Layer.merge(logOnBroker, postgres.layer))
)

describe.concurrent("two definitions of one read model", () => {
  it.live("end with the newer one when it starts while the older one applies events", () =>
    Effect.gen(function*() {
      const first = yield* started(older)
      yield* both(0, 20)
      yield* untilCount("qpr_codes", 20)
      const before = yield* durable
      const more = yield* Effect.forkChild(both(20, 60))
      const second = yield* started(newer)
      yield* first.untilFault(
        /defines it with qpr_code\.created \(version 1, revision 1\), so it applies no event/
      )
      const claimed = yield* until(
        "a durable consumer for both types",
        durable,
        (info) => info?.config.filter_subject === "3qpr.events.qpr_code.>"
      )
      assert.notStrictEqual(claimed?.created, before?.created)
      yield* Fiber.join(more)
      yield* untilCount("qpr_codes", 120)
      yield* second.untilReady
      yield* both(60, 80)
      yield* untilCount("qpr_codes", 160)
      yield* verified(newer)
      assert.strictEqual((yield* durable)?.created, claimed?.created, "it was created again once")
      assert.isNotEmpty(yield* first.faults)
      assert.match(
        (yield* faultOf(older, yield* live, { missing: 0, unexplained: 0 })) ?? "",
        /so it applies no event/
      )
    }).pipe(Effect.scoped, onServers))

  it.live("keep the newer one when the older one starts later", () =>
    Effect.gen(function*() {
      const first = yield* started(newer)
      yield* both(0, 20)
      yield* untilCount("qpr_codes", 40)
      const before = yield* durable
      const second = yield* started(older)
      yield* second.untilFault(/so it applies no event of qpr_codes/)
      yield* both(20, 40)
      yield* untilCount("qpr_codes", 80)
      yield* second.stop
      yield* both(40, 50)
      yield* untilCount("qpr_codes", 100)
      yield* first.untilReady
      assert.strictEqual((yield* durable)?.created, before?.created)
      yield* verified(newer)
    }).pipe(Effect.scoped, onServers))

  it.live("go back to the older one by a rebuild, and forward again with the newer program", () =>
    Effect.gen(function*() {
      const first = yield* started(newer)
      yield* both(0, 10)
      yield* untilCount("qpr_codes", 20)
      yield* first.stop
      const second = yield* started(older)
      yield* second.untilFault(/`threeqpr projections rebuild qpr_codes`$/)
      yield* both(10, 20)
      assert.strictEqual(yield* countOf("qpr_codes"), 20)
      const refused = yield* rebuilt("qpr_codes")
      assert.match(refused?.error ?? "", /a type that this version of the program does not apply/)
      assert.strictEqual((yield* rebuilt("qpr_codes", "rebuild", true))?.state, "switched")
      yield* untilCount("qpr_codes", 20)
      yield* second.untilReady
      yield* verified(older)
      assert.strictEqual(yield* countOf("qpr_codes"), 20)
      const third = yield* started(newer)
      yield* second.untilFault(/so it applies no event/)
      yield* second.stop
      yield* untilCount("qpr_codes", 40)
      yield* third.untilReady
      yield* verified(newer)
    }).pipe(Effect.scoped, Effect.provideService(BeginPatience, 300), onServers))

  it.live("of the same revision end with the one that starts last, and the other one says what to change", () =>
    Effect.gen(function*() {
      const first = yield* started({ ...older, revision: 2 })
      yield* both(0, 10)
      yield* untilCount("qpr_codes", 10)
      const second = yield* started(newer)
      yield* first.untilFault(/Increase the revision, or the version, in the newer definition/)
      yield* untilCount("qpr_codes", 20)
      yield* second.untilReady
      yield* verified(newer)
    }).pipe(Effect.scoped, onServers))
})

/**
 * Does to the durable consumer what a program does that knows no revision: replaces it by one with its own filter
 * whenever another filter is there.
 */
const replacing = withManager(async ({ consumers }) => {
  const found = await consumers.info(stream, "qpr_codes-1").catch(() => undefined)
  if (found === undefined || found.config.filter_subject === eventSubject(created)) return
  await consumers.delete(stream, "qpr_codes-1")
  await consumers.add(stream, {
    durable_name: "qpr_codes-1",
    ack_policy: AckPolicy.Explicit,
    filter_subject: eventSubject(created),
    ...(found.config.description !== undefined && { description: found.config.description })
  })
}).pipe(Effect.sandbox, Effect.ignore)

describe.concurrent("a program that replaces the durable consumer each time", () => {
  it.live("is named in the fault, meets pauses, and leaves nothing missing when it stops", () =>
    Effect.gen(function*() {
      const process = yield* started(newer)
      yield* both(0, 10)
      yield* untilCount("qpr_codes", 20)
      const scope = yield* Scope.fork(yield* Effect.scope)
      yield* replacing.pipe(Effect.repeat(Schedule.spaced("100 millis")), Effect.forkIn(scope))
      yield* process.untilFault(/each time another program changed it.*Stop that program/)
      yield* both(10, 30)
      yield* untilCount("qpr_codes", 40)
      yield* Scope.close(scope, Exit.void)
      yield* untilCount("qpr_codes", 60)
      yield* process.untilReady
      yield* verified(newer)
    }).pipe(Effect.scoped, Effect.provideService(LongestPause, 1_200), onServers))
})

describe.concurrent("a projection that the database lacks", () => {
  it.live("is installed again, as after an older copy of the database was restored, and filled from the log", () =>
    Effect.gen(function*() {
      const process = yield* started(newer)
      yield* both(0, 10)
      yield* untilCount("qpr_codes", 20)
      const sql = yield* SqlClient
      yield* sql.withTransaction(Effect.gen(function*() {
        yield* sql`drop table qpr_codes_1, qpr_codes_applied_1 cascade`
        for (const table of ["applied_counts", "places", "projections"]) {
          yield* sql.unsafe(`delete from ${table} where name = 'qpr_codes'`)
        }
      }))
      yield* until(
        "20 rows again",
        Effect.orElseSucceed(countOf("qpr_codes"), () => 0),
        (count) => count === 20
      )
      yield* process.untilReady
      yield* verified(newer)
    }).pipe(Effect.scoped, onServers))
})
