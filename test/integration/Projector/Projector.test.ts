// Runs: broker

import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Option, Redacted, Scope, Stream } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import { Consumers } from "../../../src/Consumer/Consumer.ts"
import { RetryLimited, tolerated } from "../../../src/Consumer/DeadLetterBreaker.ts"
import { Database } from "../../../src/Database/Database.ts"
import * as Migrations from "../../../src/Database/Migrations.ts"
import { DeadLetters } from "../../../src/EventLog/DeadLetters.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import { deadLetterStream, eventSubject, stream } from "../../../src/EventLog/Names.ts"
import { Operations } from "../../../src/EventLog/Operations.ts"
import * as Runner from "../../../src/Jobs/Operations/Runner.ts"
import { JetStreamCode, unless } from "../../../src/Nats/JetStreamCode.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { NatsServer } from "../../../src/Nats/Server.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import type { Projection } from "../../../src/Projector/Projection.ts"
import { conversations } from "../../../src/Projector/Projections/Conversations.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import * as Projector from "../../../src/Projector/Projector.ts"
import { entryOf } from "../../contract/EventLog.ts"
import * as Broker from "../../support/Broker.ts"
import { engines, postgres } from "../../support/Databases.ts"
import { lettersOf } from "../../support/Letters.ts"
import { deleteDurable, logOnBroker } from "../../support/Log.ts"
import { poison, poisonError, refusePoison } from "../../support/Poison.ts"
import * as Postgres from "../../support/Postgres.ts"
import { poll, until } from "../../support/Until.ts"
import { scanCreated } from "../../support/Webhook.ts"

const projector = Projector.layer([scans, conversations]).pipe(
  Layer.provide(Consumers.layer),
  Layer.provide(DeadLetters.layer)
)

const append = Effect.fnUntraced(function*(id: string, body: string, type = "scan.created") {
  const { append } = yield* EventLog
  return yield* append(entryOf(id, { subject: eventSubject(type), type, body: Buffer.from(body) }))
})

const appendScans = (count: number, prefix: string) =>
  Effect.forEach(
    Array.from({ length: count }, (_, index) => `${prefix}_${index}`),
    (id) => append(id, scanCreated(id)),
    { concurrency: 100 }
  )

const countOf = Effect.fnUntraced(function*(table: string) {
  const sql = yield* SqlClient
  const [row] = yield* sql.unsafe<{ readonly count: number }>(`select count(*)::int as count from ${table}`)
  return row?.count ?? 0
})

const untilCount = (table: string, count: number) =>
  until(`${count} rows of ${table}`, countOf(table), (rows) => rows >= count)

const manager = Effect.flatMap(Nats, ({ connection }) => Effect.promise(() => connection.jetstreamManager()))

/** Waits until the consumer exists. */
const consumerInfo = (durable: string) =>
  Effect.flatMap(
    manager,
    ({ consumers }) => Effect.eventually(Effect.tryPromise(() => consumers.info(stream, durable)))
  )

/**
 * Waits until a consumer has delivered all events, at least one, and all of them are acked. nats-server reports
 * nothing pending for a new consumer before it has counted, so one delivered event is required.
 */
const untilSettled = (durable: string) =>
  until(
    `nothing left for ${durable}`,
    Effect.map(
      consumerInfo(durable),
      ({ delivered, num_ack_pending, num_pending }) => ({ delivered, num_ack_pending, num_pending })
    ),
    ({ delivered, num_ack_pending, num_pending }) =>
      delivered.consumer_seq > 0 && num_pending === 0 && num_ack_pending === 0
  ).pipe(Effect.andThen(consumerInfo(durable)))

const deadLetters = Effect.gen(function*() {
  const { streams } = yield* manager
  const { state } = yield* Effect.promise(() => streams.info(deadLetterStream))
  // A letter that is stored again has a new sequence, and its old one is gone.
  const found = yield* Effect.promise(() =>
    Promise.all(
      Array.from({ length: state.last_seq }, (_, index) =>
        streams.getMessage(deadLetterStream, { seq: index + 1 }).catch(
          unless(JetStreamCode.noMessageFound)
        ))
    )
  )
  return found.filter((letter) => letter !== undefined)
})

for (const engine of engines) {
  const stack = Layer.mergeAll(logOnBroker, engine.layer, ProcessHealth.layer)
  const running = projector.pipe(Layer.provideMerge(stack))

  describe(`the projector on ${engine.name}`, () => {
    it.live("applies 499 of a batch of 500 and dead-letters the poison event, with its reason and sequence", () =>
      Effect.gen(function*() {
        yield* appendScans(250, "a")
        yield* refusePoison
        const body = scanCreated("poison", { city: poison })
        const { sequence } = yield* append("poison", body)
        yield* appendScans(249, "b")
        yield* Effect.gen(function*() {
          yield* untilSettled("scans-1")
          assert.strictEqual(yield* countOf("scans"), 499)
          const [letter, ...others] = yield* deadLetters
          assert.strictEqual(others.length, 0)
          if (letter === undefined) return assert.fail("no dead letter")
          assert.strictEqual(letter.subject, `3qpr.dead.scans-1.${sequence}.poison.scan.created`)
          assert.strictEqual(letter.header.get("3qpr-dead-consumer"), "scans-1")
          assert.strictEqual(letter.header.get("3qpr-dead-sequence"), String(sequence))
          assert.strictEqual(letter.header.get("ce-id"), "poison")
          assert.match(letter.header.get("3qpr-dead-error"), poisonError)
          assert.strictEqual(Buffer.from(letter.data).toString(), body)
        }).pipe(Effect.provide(projector))
      }).pipe(Effect.provide(stack)))

    it.live("dead-letters unusable messages of another program, and continues", () =>
      Effect.gen(function*() {
        // If this body were inserted into a JSON array unchecked, it would result in two rows.
        const forged = `{"id":"g2","event":"scan.created","data":{"id":"x"}}},{"event_id":"y","sequence":1,`
          + `"received_at":"2026-03-20T16:00:00Z","event":{"data":{"id":"y"}}`
        for (
          const [id, body] of [["g1", "garbage"], ["g2", forged], [
            "g3",
            `{"id":"g3","event":"scan.created"}`
          ]] as const
        ) {
          yield* append(id, body)
        }
        yield* appendScans(3, "a")
        yield* untilCount("scans", 3)
        yield* untilSettled("scans-1")
        assert.strictEqual(yield* countOf("scans"), 3)
        // Batches are applied concurrently, so the order of the dead letters is not defined.
        const kept = (yield* deadLetters).map(({ header }) => header.get("ce-id"))
        assert.deepStrictEqual(kept.toSorted(), ["g1", "g2", "g3"])
      }).pipe(Effect.provide(running)))

    it.live("sends each projection the events of its types and no others", () =>
      Effect.gen(function*() {
        yield* appendScans(2, "a")
        yield* append(
          "c1",
          `{"id":"c1","event":"conversation.completed","data":{"id":"conv_1"}}`,
          "conversation.completed"
        )
        yield* append("u1", `{"id":"u1","event":"menu.opened"}`, "menu.opened")
        yield* untilCount("conversations", 1)
        yield* untilCount("scans", 2)
        assert.strictEqual((yield* untilSettled("scans-1")).delivered.consumer_seq, 2)
        assert.strictEqual((yield* untilSettled("conversations-1")).delivered.consumer_seq, 1)
      }).pipe(Effect.provide(running)))

    it.live("creates its durable consumer again when it was deleted, and changes nothing twice", () =>
      Effect.gen(function*() {
        yield* appendScans(50, "a")
        yield* untilCount("scans", 50)
        yield* deleteDurable("scans-1")
        yield* appendScans(50, "b")
        yield* untilCount("scans", 100)
        yield* untilSettled("scans-1")
        assert.strictEqual(yield* countOf("scans"), 100)
        assert.strictEqual(yield* total, 100)
      }).pipe(Effect.provide(running)))

    it.live("waits, dead-lettering nothing, while a table is missing", () =>
      Effect.gen(function*() {
        yield* appendScans(10, "a")
        yield* untilCount("scans", 10)
        const sql = yield* SqlClient
        yield* sql`alter table scan_days_1 rename to elsewhere`
        yield* appendScans(10, "b")
        const { faults } = yield* ProcessHealth
        yield* until(
          "a fault that names the table",
          faults,
          (faults) => faults.some(({ reason }) => reason.includes("scan_days_1"))
        )
        yield* sql`alter table elsewhere rename to scan_days_1`
        yield* untilCount("scans", 20)
        assert.deepStrictEqual(yield* deadLetters, [])
      }).pipe(Effect.provide(running)))

    it.live("fills a new database from the first event, wherever its durable consumer was", () =>
      Effect.gen(function*() {
        yield* appendScans(20, "a")
        for (const _ of ["the first database", "another, empty one"]) {
          yield* untilCount("scans", 20).pipe(
            Effect.provide(Layer.fresh(projector.pipe(Layer.provideMerge(engine.layer))))
          )
        }
      }).pipe(Effect.provide(Layer.merge(logOnBroker, ProcessHealth.layer))))

    it.live("continues at its position when it is stopped and started during a backlog", () =>
      Effect.gen(function*() {
        yield* appendScans(3_000, "a")
        for (let rows = 0; rows < 3_000;) {
          const scope = yield* Scope.make()
          yield* Layer.buildWithScope(Layer.fresh(projector), scope)
          rows = yield* untilCount("scans", Math.min(3_000, rows + 600))
          yield* Scope.close(scope, Exit.void)
        }
        assert.strictEqual(yield* total, 3_000)
      }).pipe(Effect.provide(stack)))
  })
}

const total = Effect.gen(function*() {
  const sql = yield* SqlClient
  const [row] = yield* sql<{ readonly total: number }>`select sum(scans)::int as total from scan_days`
  return row?.total ?? 0
})

describe.each(engines)("the redrive of a dead letter on $name", (engine) => {
  const running = (projection: Projection) => Layer.fresh(Projector.layer([projection]))

  it.live("applies the event once after the fix, and no other event", () =>
    Effect.gen(function*() {
      const broken: Projection = {
        ...scans,
        apply: (sql, table, fresh) =>
          Effect.andThen(
            sql`select 1 / case event->'data'->>'city' when 'Nowhere' then 0 else 1 end from ${fresh.rows} as row`,
            scans.apply(sql, table, fresh)
          )
      }
      yield* append("poison", scanCreated("poison", { city: "Nowhere" }))
      yield* appendScans(499, "a")
      yield* Effect.gen(function*() {
        yield* untilCount("scans", 499)
        yield* untilSettled("scans-1")
        assert.strictEqual(yield* countOf("scans"), 499)
        assert.strictEqual(yield* total, 499)
      }).pipe(Effect.provide(running(broken)))
      const { state } = yield* EventLog
      const { lastSequence } = yield* state
      const [letter] = yield* lettersOf()
      assert.include(letter?.error, "division by zero")
      const operations = yield* Operations
      const asked = { kind: "redrive" as const, by: "ann", reason: null, asked: {}, rate: 100 }
      yield* Effect.gen(function*() {
        // Two requests, as from two operators at once.
        const begin = operations.begin(asked, Stream.make(letter?.id ?? ""))
        const both = [yield* begin, yield* begin]
        const results = []
        for (const { operation } of both) {
          const found = yield* poll(operations.find(operation ?? ""), (found) =>
            found._tag === "Some" && found.value.left === 0)
          results.push(...Object.keys(Option.getOrThrow(found).results))
        }
        assert.include(results, "applied")
        assert.strictEqual(yield* countOf("scans"), 500)
        assert.strictEqual(yield* total, 500)
        // The dead letter is removed after its outcome is recorded.
        yield* until("no dead letter", lettersOf(), ({ length }) =>
          length === 0)
      }).pipe(Effect.provide(running(scans)))
      assert.strictEqual((yield* state).lastSequence, lastSequence)
    }).pipe(Effect.provide(
      Runner.layer.pipe(
        Layer.provideMerge(Layer.mergeAll(Operations.layer, Consumers.layer)),
        Layer.provideMerge(DeadLetters.layer),
        Layer.provideMerge(Layer.mergeAll(logOnBroker, engine.layer, ProcessHealth.layer))
      )
    )))
})

describe.concurrent("the projector when every event is poison", () => {
  it.live(
    "dead-letters no more than the limit, reports this, and applies the rest after the fix",
    () =>
      Effect.gen(function*() {
        const broken: Projection = { ...scans, apply: (sql) => Effect.asVoid(sql`select 1 / 0`) }
        yield* appendScans(60, "a")
        yield* Effect.gen(function*() {
          const { faults } = yield* ProcessHealth
          // Each of them is searched in its batch, which takes long on a busy machine.
          const [fault] = yield* until("a fault", faults, (faults) => faults.length > 0, 80_000)
          assert.include(fault?.reason, "50 of the last 50 events are dead letters")
          assert.include(fault?.reason, "division by zero")
          yield* poll(consumerInfo("scans-1"), ({ delivered, num_ack_pending, num_pending }) =>
            delivered.consumer_seq >= 60 && num_pending === 0 && num_ack_pending <= 10)
          yield* Effect.sleep(500)
          assert.strictEqual((yield* consumerInfo("scans-1")).num_ack_pending, 10)
          assert.strictEqual((yield* deadLetters).length, tolerated)
        }).pipe(
          Effect.provide(
            Layer.fresh(Projector.layer([broken])).pipe(Layer.provide(Layer.succeed(RetryLimited, 3_000)))
          )
        )
        yield* Effect.gen(function*() {
          yield* untilCount("scans", 10)
          yield* untilSettled("scans-1")
          yield* until("no fault", (yield* ProcessHealth).faults, (faults) =>
            faults.length === 0)
        }).pipe(Effect.provide(Layer.fresh(Projector.layer([scans]))))
        assert.strictEqual((yield* deadLetters).length, tolerated)
      }).pipe(Effect.provide(
        Consumers.layer.pipe(
          Layer.provideMerge(DeadLetters.layer),
          Layer.provideMerge(Layer.mergeAll(logOnBroker, postgres.layer, ProcessHealth.layer))
        )
      )),
    180_000
  )
})

describe.concurrent("the projector with a durable consumer that another program changed", () => {
  it.live("creates it again and is ready, before an event arrives", () =>
    Effect.gen(function*() {
      yield* Effect.provide(consumerInfo("scans-1"), Layer.fresh(projector))
      yield* deleteDurable("scans-1")
      const { consumers } = yield* manager
      yield* Effect.promise(() =>
        consumers.add(stream, { durable_name: "scans-1", filter_subject: "3qpr.events.another" })
      )
      yield* Effect.gen(function*() {
        const { faults } = yield* ProcessHealth
        yield* until("its own filter", consumerInfo("scans-1"), ({ config }) =>
          config.filter_subject === "3qpr.events.scan.created")
        yield* until("no fault", faults, (faults) =>
          faults.length === 0)
      }).pipe(Effect.provide(Layer.fresh(projector)))
    }).pipe(Effect.provide(Layer.mergeAll(logOnBroker, postgres.layer, ProcessHealth.layer))))
})

describe.concurrent("the projector without its database", () => {
  it.live("waits, reports this, dead-letters nothing, and continues when the database is back", () =>
    Effect.gen(function*() {
      const postgres = yield* Postgres.start
      const database = Migrations.layer.pipe(
        Layer.provideMerge(Database.layer({ url: Redacted.make(postgres.url), dataDir: "" })),
        Layer.provide(Broker.platform)
      )
      yield* Effect.gen(function*() {
        const { faults } = yield* ProcessHealth
        yield* appendScans(50, "a")
        yield* untilCount("scans", 50)
        yield* postgres.stop
        yield* appendScans(50, "b")
        yield* until(
          "a fault of the scans",
          faults,
          (faults) => faults.some(({ part }) => part === "projection scans")
        )
        yield* postgres.start
        yield* until(
          "100 scans",
          Effect.exit(countOf("scans")),
          (exit) => Exit.isSuccess(exit) && exit.value === 100
        )
        yield* postgres.restartImmediate
        yield* appendScans(50, "c")
        yield* until("150 scans", Effect.exit(total), (exit) => Exit.isSuccess(exit) && exit.value === 150)
        yield* untilSettled("scans-1")
        assert.strictEqual(yield* total, 150)
        yield* until("no fault", faults, (faults) => faults.length === 0)
        assert.deepStrictEqual(yield* deadLetters, [])
      }).pipe(Effect.provide(projector.pipe(
        Layer.provideMerge(Layer.mergeAll(logOnBroker, database, ProcessHealth.layer))
      )))
    }).pipe(Effect.scoped))
})

describe.concurrent("the projector without its broker", () => {
  it.live("continues when the broker is back, and changes nothing twice", () =>
    Effect.gen(function*() {
      yield* appendScans(500, "a")
      yield* untilCount("scans", 1)
      const { health } = yield* EventLog
      const broker = yield* (yield* NatsServer).pid
      if (broker === undefined) return assert.fail("no broker")
      process.kill(broker, "SIGKILL")
      yield* until("not ready", health, ({ ready }) => !ready)
      yield* until("ready", health, ({ ready }) => ready)
      yield* appendScans(500, "b")
      yield* untilCount("scans", 1_000)
      yield* untilSettled("scans-1")
      assert.strictEqual(yield* total, 1_000)
    }).pipe(Effect.provide(projector.pipe(
      Layer.provideMerge(Layer.mergeAll(logOnBroker, postgres.layer, ProcessHealth.layer))
    ))))
})

describe.concurrent("the projector with large events", () => {
  it.live("applies events that together exceed its buffer", () =>
    Effect.gen(function*() {
      const note = "x".repeat(1_000_000)
      const ids = Array.from({ length: 40 }, (_, index) => `large_${index}`)
      yield* Effect.forEach(ids, (id) => append(id, scanCreated(id, { note })), { concurrency: 4 })
      yield* untilCount("scans", ids.length)
      const { delivered } = yield* untilSettled("scans-1")
      // On a busy machine some events wait longer than the time to acknowledge, so the broker delivers them again.
      assert.isAtMost(delivered.consumer_seq, 3 * ids.length)
      assert.strictEqual(yield* total, ids.length)
    }).pipe(Effect.provide(projector.pipe(
      Layer.provideMerge(Layer.mergeAll(logOnBroker, postgres.layer, ProcessHealth.layer))
    ))))
})
