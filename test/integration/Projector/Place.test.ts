// Runs: long, broker

import { assert, describe, it } from "@effect/vitest"
import { type Context, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { cpSync, rmSync } from "node:fs"
import { DeadLetters } from "../../../src/EventLog/DeadLetters.ts"
import { stream } from "../../../src/EventLog/Names.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { NatsServer } from "../../../src/Nats/Server.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { completeness } from "../../../src/Projector/Place/Completeness.ts"
import { AbsentPatience, StandstillPatience } from "../../../src/Projector/Place/DurableRepair.ts"
import { keeper, UnreadablePatience } from "../../../src/Projector/Place/Keep.ts"
import { ledgerPage } from "../../../src/Projector/Place/LedgerPage.ts"
import { placeOf, replay } from "../../../src/Projector/Place/Places.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { request } from "../../../src/Projector/Rebuild/Rebuilds.ts"
import { lives } from "../../../src/Projector/Registry.ts"
import { freshDurable, install } from "../../../src/Projector/Tables.ts"
import * as Broker from "../../support/Broker.ts"
import { postgres } from "../../support/Databases.ts"
import { consumersOnBroker, deleteDurable, log, logOnBroker } from "../../support/Log.ts"
import { poison, refusePoison } from "../../support/Poison.ts"
import {
  append,
  countOf,
  durables,
  ended,
  projectorOf,
  rebuilt,
  unequal,
  untilCount
} from "../../support/Projecting.ts"
import { rowsOf } from "../../support/Specification.ts"
import { until } from "../../support/Until.ts"
import { scanCreated } from "../../support/Webhook.ts"

const projector = projectorOf(scans)
const running = projector.pipe(
  Layer.provideMerge(Layer.mergeAll(logOnBroker, postgres.layer, ProcessHealth.layer))
)

const appendScans = (from: number, to: number, prefix = "evt") =>
  Effect.forEach(
    Array.from({ length: to - from }, (_, index) => `${prefix}_${from + index}`),
    (id) => append(id, scanCreated(id)),
    { concurrency: 50, discard: true }
  )

const untilFault = (fits: RegExp) =>
  until(
    `a fault like ${fits}`,
    Effect.flatMap(ProcessHealth, ({ faults }) => faults),
    (faults) => faults.some(({ reason }) => fits.test(reason))
  )

const untilReady = until(
  "no fault",
  Effect.flatMap(ProcessHealth, ({ faults }) => faults),
  (faults) => faults.length === 0
)

const manager = Effect.flatMap(
  Nats,
  ({ connection }) => Effect.promise(() => connection.jetstreamManager({ checkAPI: false }))
)

/** Every table that events change, and the table of places in the log. */
const tables = Effect.map(
  rowsOf(`select tablename::text as name from pg_tables where schemaname = 'public'
    and tablename not in ('effect_sql_migrations', 'rebuilds', 'reconciliations', 'reconciled', 'database_identity',
      'projections') and tablename not like 'older_%'`),
  (rows) => rows.map(({ name }) => String(name))
)

const keepCopy = Effect.gen(function*() {
  const sql = yield* SqlClient
  for (const table of yield* tables) yield* sql.unsafe(`create table older_${table} as table ${table}`)
})

/** Replaces the contents of the tables by the copy, as a restore does. */
const putCopyBack = Effect.gen(function*() {
  const sql = yield* SqlClient
  const names = yield* tables
  yield* sql.withTransaction(Effect.gen(function*() {
    yield* sql.unsafe(`truncate ${names.join(", ")}`)
    for (const table of names) yield* sql.unsafe(`insert into ${table} select * from older_${table}`)
  }))
})

const checkpoint = Effect.map(
  rowsOf(
    "select checkpoint::int as checkpoint from places where name = 'scans' order by generation desc limit 1"
  ),
  ([row]) => Number(row?.["checkpoint"])
)

const verified = Effect.gen(function*() {
  assert.deepStrictEqual(unequal((yield* rebuilt("scans", "verify"))?.result), [])
})

describe.concurrent("two databases on one broker", () => {
  it.live("each get every event, and neither deletes the durable consumer of the other", () =>
    Effect.gen(function*() {
      yield* appendScans(0, 50)
      const one = yield* Layer.build(Layer.fresh(projector.pipe(Layer.provideMerge(postgres.layer))))
      yield* Effect.provide(untilCount("scans", 50), one)
      const other = yield* Layer.build(Layer.fresh(projector.pipe(Layer.provideMerge(postgres.layer))))
      yield* appendScans(50, 100)
      for (const database of [one, other]) yield* Effect.provide(untilCount("scans", 100), database)
      const names = yield* durables
      assert.strictEqual(names.length, 2)
      assert.include(names, "scans-1")
      const [live] = yield* Effect.provide(lives, other)
      assert.include(names, live?.durable)
      assert.notStrictEqual(live?.durable, "scans-1")
      yield* Effect.provide(verified, other)
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(logOnBroker, ProcessHealth.layer))))

  it.live("that shared a durable consumer under an older version receive their missing events", () =>
    Effect.gen(function*() {
      yield* appendScans(0, 50)
      const one = yield* Layer.build(Layer.fresh(projector.pipe(Layer.provideMerge(postgres.layer))))
      yield* Effect.provide(untilCount("scans", 50), one)
      // An older version let a second database share the durable consumer, and knew no database identity.
      const database = yield* Layer.build(Layer.fresh(postgres.layer))
      const scope = yield* Scope.make()
      const first = yield* Layer.buildWithScope(Layer.fresh(projector), scope).pipe(Effect.provide(database))
      assert.isObject(first)
      yield* Effect.provide(untilCount("scans", 50), database)
      yield* Scope.close(scope, Exit.void)
      yield* Effect.provide(
        Effect.gen(function*() {
          const sql = yield* SqlClient
          yield* sql`update places set durable = 'scans-1', checkpoint = 0`
          yield* sql`delete from scans_applied_1 where sequence % 2 = 0`
          yield* sql`delete from scans_1 where sequence % 2 = 0`
          yield* sql`update applied_counts set events = 25 where events > 0`
        }),
        database
      )
      yield* Layer.build(Layer.fresh(projector)).pipe(Effect.provide(database))
      yield* Effect.provide(untilCount("scans", 50), database)
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(logOnBroker, ProcessHealth.layer))))
})

describe.concurrent("a database that is older than its durable consumer", () => {
  it.live("reports the number of missing events, reads them again while new ones arrive, and becomes ready", () =>
    Effect.gen(function*() {
      yield* appendScans(0, 100)
      yield* untilCount("scans", 100)
      yield* until("a checkpoint", checkpoint, (at) => at > 0)
      yield* keepCopy
      yield* appendScans(100, 300)
      yield* untilCount("scans", 300)
      yield* putCopyBack
      const writer = yield* Effect.forkChild(appendScans(300, 340))
      yield* untilFault(/[1-9]\d* missing: .*read again/)
      yield* untilCount("scans", 340)
      yield* untilReady
      yield* Fiber.join(writer)
      assert.strictEqual(yield* countOf("scans"), 340)
      yield* verified
    }).pipe(Effect.provide(running)))

  it.live("is filled from the log again, even when it was copied after two earlier readings", () =>
    Effect.gen(function*() {
      yield* appendScans(0, 50)
      yield* untilCount("scans", 50)
      yield* until("a checkpoint", checkpoint, (at) => at > 0)
      yield* keepCopy
      const sql = yield* SqlClient
      yield* sql`update older_places set replays = 2, replayed_to = checkpoint`
      yield* appendScans(50, 100)
      yield* untilCount("scans", 100)
      yield* putCopyBack
      yield* untilFault(/\d+ missing/)
      yield* untilCount("scans", 100)
      yield* untilReady
      yield* verified
    }).pipe(Effect.provide(running)))

  it.live("is detected at the start, and during a rebuild both generations receive their missing events", () =>
    Effect.gen(function*() {
      const database = yield* Layer.build(postgres.layer)
      yield* Effect.gen(function*() {
        const life = yield* Scope.make()
        yield* Layer.buildWithScope(Layer.fresh(projector), life)
        yield* appendScans(0, 50)
        yield* untilCount("scans", 50)
        yield* keepCopy
        yield* appendScans(50, 120)
        yield* untilCount("scans", 120)
        yield* Scope.close(life, Exit.void)
        yield* putCopyBack
        const id = yield* request("scans", "rebuild", "the tests")
        yield* Layer.build(Layer.fresh(projector))
        assert.deepInclude(yield* ended("scans", id ?? 0), { state: "switched", error: null })
        yield* untilCount("scans", 120)
        yield* untilReady
        yield* verified
      }).pipe(Effect.provide(database))
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(logOnBroker, ProcessHealth.layer))))
})

/** Runs a broker on a folder, with a projector, until the effect ends. */
const during = <A, E>(
  dataDir: string,
  database: Context.Context<Layer.Success<typeof postgres.layer>>,
  effect: Effect.Effect<A, E, Layer.Success<typeof running>>
) =>
  Effect.gen(function*() {
    const broker = Layer.succeed(NatsServer, yield* Broker.start(dataDir))
    const stack = Layer.mergeAll(
      log.pipe(Layer.provideMerge(broker)),
      Layer.succeedContext(database),
      ProcessHealth.layer
    )
    return yield* Effect.provide(effect, Layer.fresh(projector.pipe(Layer.provideMerge(stack))))
  }).pipe(Effect.scoped)

/** The sequences of events that the ledger finds applied but not in the log. */
const unexplained = Effect.gen(function*() {
  const { problems } = yield* ledgerPage(scans, { generation: 1, durable: "scans-1" }, 0, 0)
  return problems.filter(({ kind }) => kind === "unexplained").map(({ sequence }) => sequence)
}).pipe(Effect.provide(DeadLetters.layer))

/** A log that was restored from a copy that is older than the rows. */
const restored = Effect.gen(function*() {
  const dataDir = yield* Broker.newDataDir
  const database = yield* Layer.build(postgres.layer)
  const older = `${dataDir}-older`
  const newer = `${dataDir}-newer`
  const put = (from: string, to: string) =>
    Effect.sync(() => {
      rmSync(`${to}/nats`, { recursive: true, force: true })
      cpSync(`${from}/nats`, `${to}/nats`, { recursive: true })
    })
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => [older, newer].forEach((folder) => rmSync(folder, { recursive: true, force: true })))
  )
  yield* during(dataDir, database, Effect.andThen(appendScans(0, 50), untilCount("scans", 50)))
  yield* put(dataDir, older)
  yield* during(
    dataDir,
    database,
    Effect.andThen(appendScans(50, 100), untilCount("scans", 100)).pipe(
      Effect.andThen(until("a checkpoint", checkpoint, (at) => at >= 100))
    )
  )
  yield* put(dataDir, newer)
  yield* put(older, dataDir)
  return { dataDir, database, back: put(newer, dataDir) }
})

const rows = rowsOf("select id, event_id, sequence::int as sequence from scans order by id")

describe.concurrent("a log that is older than the rows", () => {
  it.live(
    "is not applied, ends a verification with the reason, and is used for a rebuild once it is accepted",
    () =>
      Effect.gen(function*() {
        const { dataDir, database } = yield* restored
        yield* during(
          dataDir,
          database,
          Effect.gen(function*() {
            const before = yield* rows
            const faults = yield* untilFault(/ends at sequence \d+.*up to sequence \d+.*--accept-new-log/)
            assert.strictEqual(faults[0]?.part, "projection scans")
            const lost = yield* unexplained
            assert.isAtLeast(lost.length, 50)
            // The same sequences hold other events now, and then the log has more of them than before.
            yield* appendScans(0, 80, "new")
            yield* untilFault(/is event new_\d+, but the rows were built from event evt_\d+/)
            assert.deepStrictEqual(yield* rows, before)
            assert.includeMembers([...yield* unexplained], [...lost])
            const compared = yield* rebuilt("scans", "verify")
            assert.strictEqual(compared?.state, "failed")
            assert.include(compared?.error, "--accept-new-log")
            assert.strictEqual((yield* rebuilt("scans"))?.state, "failed")
            const id = yield* request("scans", "rebuild", "the tests", true)
            assert.deepInclude(yield* ended("scans", id ?? 0), { state: "switched", error: null })
            assert.deepInclude(
              yield* rowsOf(
                "select count(*)::int as all, count(*) filter (where event_id ~ 'new')::int as new from scans"
              ),
              {
                all: 130,
                new: 80
              }
            )
            yield* untilReady
            yield* appendScans(80, 90, "new")
            yield* untilCount("scans", 140)
            yield* verified
          })
        )
      }).pipe(Effect.scoped, Effect.provide(Broker.platform)),
    120_000
  )

  it.live("no longer stops the projection once the newer log is restored", () =>
    Effect.gen(function*() {
      const { back, dataDir, database } = yield* restored
      yield* during(dataDir, database, untilFault(/--accept-new-log/))
      yield* back
      yield* during(
        dataDir,
        database,
        Effect.gen(function*() {
          yield* appendScans(100, 110)
          yield* untilCount("scans", 110)
          yield* untilReady
        })
      )
    }).pipe(Effect.scoped, Effect.provide(Broker.platform)), 120_000)
})

describe.concurrent("a log that is read again", () => {
  it.live("begins at the right sequence, also when the durable consumer is created before the commit", () =>
    Effect.gen(function*() {
      yield* appendScans(0, 20)
      yield* untilCount("scans", 20)
      yield* until("a checkpoint", checkpoint, (at) => at > 0)
      const { consumers } = yield* manager
      const scans1 = { name: "scans", generation: 1 }
      const deleted = Effect.andThen(
        deleteDurable("scans-1"),
        // Gives the projector time to create it again.
        Effect.sleep("2 seconds")
      )
      yield* replay(scans1, yield* placeOf(scans1), { after: 0, to: 20 }, deleted)
      const { config } = yield* until(
        "another durable consumer",
        Effect.eventually(Effect.tryPromise(() => consumers.info(stream, "scans-1"))),
        ({ config }) => config.durable_name === "scans-1"
      )
      assert.strictEqual(config.deliver_policy, "all")
    }).pipe(Effect.provide(running)))
})

describe.concurrent("a durable consumer that is edited during its use", () => {
  it.live("is created again, and the events that it skipped are applied", () =>
    Effect.gen(function*() {
      yield* appendScans(0, 20)
      yield* untilCount("scans", 20)
      const sql = yield* SqlClient
      const { consumers } = yield* manager
      yield* sql`alter table scan_hours_1 rename to elsewhere`
      const { created } = yield* Effect.promise(() => consumers.update(stream, "scans-1", { max_deliver: 1 }))
      yield* appendScans(20, 40)
      yield* sql`alter table elsewhere rename to scan_hours_1`
      const info = yield* until(
        "another durable consumer",
        Effect.eventually(Effect.tryPromise(() => consumers.info(stream, "scans-1"))),
        (info) => info.config.max_deliver === -1
      )
      assert.notStrictEqual(info.created, created)
      assert.match(info.config.description ?? "", /^feeds database \S+ of threeqpr-events$/)
      yield* untilCount("scans", 40)
      yield* untilReady
    }).pipe(Effect.provide(running)))
})

describe.concurrent("a durable consumer that makes no progress with events in flight", () => {
  const patient = projector.pipe(Layer.provide(Layer.succeed(StandstillPatience, 2_000)))

  it.live("is created again, and the events are applied", () =>
    Effect.gen(function*() {
      yield* appendScans(0, 20)
      yield* untilCount("scans", 20)
      const { connection, newInbox } = yield* Nats
      const { consumers } = yield* manager
      const { created } = yield* Effect.promise(() => consumers.info(stream, "scans-1"))
      // Another program pulls events, and never acks them.
      const inbox = newInbox()
      const taken: Array<string> = []
      connection.subscribe(inbox, { callback: (_, { subject }) => void taken.push(subject) })
      connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.scans-1`, `{"batch":100}`, { reply: inbox })
      yield* appendScans(20, 60)
      yield* untilFault(/neither delivered again nor finished \d+ events in flight.*created again/)
      yield* untilCount("scans", 60)
      yield* untilReady
      assert.isAbove(taken.length, 0)
      const again = yield* Effect.promise(() => consumers.info(stream, "scans-1"))
      assert.notStrictEqual(again.created, created)
    }).pipe(
      Effect.provide(
        patient.pipe(Layer.provideMerge(Layer.mergeAll(logOnBroker, postgres.layer, ProcessHealth.layer)))
      )
    ))
})

describe.concurrent("a position in the log that cannot be read for a time", () => {
  const impatient = projector.pipe(Layer.provide(Layer.succeed(UnreadablePatience, 500)))

  it.live.each<readonly [table: string, fault: RegExp]>([
    ["applied_counts", /^the place of scans-1 in the log cannot be read: .*applied_counts/],
    ["rebuilds", /^the registry of projections cannot be read: .*rebuilds/]
  ])(
    "makes the process not ready without the table %s, until it is readable",
    ([table, fault]) =>
      Effect.gen(function*() {
        yield* appendScans(0, 5)
        yield* untilCount("scans", 5)
        const sql = yield* SqlClient
        yield* sql.unsafe(`alter table ${table} rename to elsewhere`)
        yield* untilFault(fault)
        yield* sql.unsafe(`alter table elsewhere rename to ${table}`)
        yield* untilReady
      }).pipe(
        Effect.provide(
          impatient.pipe(Layer.provideMerge(Layer.mergeAll(logOnBroker, postgres.layer, ProcessHealth.layer)))
        )
      )
  )
})

describe.concurrent("a durable consumer that is missing and not created again", () => {
  it.live("is a fault of the process, although nothing is pending", () =>
    Effect.gen(function*() {
      yield* appendScans(0, 5)
      yield* install(scans, freshDurable)
      // Without a run that could create it, as when the broker refuses the creation.
      const { keep } = yield* keeper
      const [live] = yield* lives
      if (live === undefined) return assert.fail("no projection")
      const look = yield* until("a fault", keep(scans, live), ({ fault }) => fault !== undefined)
      assert.match(look.fault ?? "", /^the durable consumer scans-1 does not exist .*no event is applied/)
    }).pipe(
      Effect.scoped,
      Effect.provideService(AbsentPatience, 100),
      Effect.provide(Layer.merge(consumersOnBroker, postgres.layer))
    ))
})

describe.concurrent("a projection whose newer version is live", () => {
  it.live("makes a process of the older version not ready, with the reason", () =>
    Effect.gen(function*() {
      yield* appendScans(0, 5)
      yield* untilCount("scans", 5)
      const sql = yield* SqlClient
      yield* sql`update projections set version = ${scans.version + 1} where name = 'scans'`
      yield* untilFault(
        /version \d+ of scans is live, but this process has version \d+.*newer version of the program/
      )
    }).pipe(Effect.provide(running)))
})

describe.concurrent("the ledger of a projection", () => {
  it.live("shows a missing event beside dead letters whose events are no longer in the log", () =>
    Effect.gen(function*() {
      yield* refusePoison
      yield* append("poison", scanCreated("poison", { city: poison }))
      yield* appendScans(0, 20)
      yield* untilCount("scans", 20)
      const { streams } = yield* manager
      yield* Effect.promise(() => streams.purge(stream, { seq: 5 }))
      const sql = yield* SqlClient
      yield* sql`delete from scans_applied_1 where event_id = 'evt_10'`
      assert.deepInclude(yield* completeness(scans, 1, "scans-1", 21), {
        missing: 1,
        dead_letters: 0,
        unexplained: 0
      })
    }).pipe(Effect.provide(Layer.provideMerge(DeadLetters.layer, running))))

  it.live("makes a process not ready for an applied event that the log has lost, until a rebuild accepts the loss", () =>
    Effect.gen(function*() {
      yield* appendScans(0, 20)
      yield* untilCount("scans", 20)
      const { streams } = yield* manager
      yield* Effect.promise(() => streams.deleteMessage(stream, 12))
      const { lastSequence } = yield* Effect.map(
        Effect.promise(() => streams.info(stream)),
        ({ state }) => ({ lastSequence: state.last_seq })
      )
      assert.deepInclude(yield* completeness(scans, 1, "scans-1", lastSequence), {
        missing: 0,
        unexplained: 1
      })
      yield* appendScans(20, 25)
      yield* untilCount("scans", 25)
      const upTo = { missing: 0, applied: 15, unexplained: 1 }
      assert.deepInclude(yield* completeness(scans, 1, "scans-1", 16), upTo, "with newer entries behind")
      yield* untilFault(/^1 events are applied but are not in the log/)
      yield* rebuilt("scans", "rebuild", true)
      yield* untilReady
      assert.strictEqual(yield* countOf("scans"), 24)
    }).pipe(Effect.provide(Layer.provideMerge(DeadLetters.layer, running))))
})
