// Runs: long, broker

import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { TableComparison } from "../../../src/Domain/Comparison.ts"
import { stream } from "../../../src/EventLog/Names.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { applyOnce } from "../../../src/Projector/Apply/Batch.ts"
import type { Projection } from "../../../src/Projector/Projection.ts"
import { counterTable } from "../../../src/Projector/Projections/Counters.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { cancel, request } from "../../../src/Projector/Rebuild/Rebuilds.ts"
import { lives } from "../../../src/Projector/Registry.ts"
import { install } from "../../../src/Projector/Tables.ts"
import { engines, postgres } from "../../support/Databases.ts"
import { logOnBroker } from "../../support/Log.ts"
import {
  append,
  countOf,
  durables,
  ended,
  projectorOf,
  rebuilt,
  tablesOfScans,
  untilCount
} from "../../support/Projecting.ts"
import { delivered, rowsOf } from "../../support/Specification.ts"
import { poll, until } from "../../support/Until.ts"
import { scanCreated } from "../../support/Webhook.ts"

const projector = projectorOf(scans)

const countries = ["US", "CH", "FR", null]

/** Appends events about fewer scans than events, so that later ones change the rows of earlier ones. */
const history = (from: number, to: number) =>
  Effect.forEach(
    Array.from({ length: to - from }, (_, index) => from + index),
    (index) =>
      append(
        `evt_${index}`,
        scanCreated(`evt_${index}`, {
          id: `scan_${(index * 7919) % 700}`,
          country: countries[(index * 31) % 4],
          scanned_at: `2026-03-20T${10 + (index % 9)}:30:00Z`
        })
      ),
    { concurrency: 100, discard: true }
  )

const content = Effect.all([
  rowsOf("select * from scans order by id"),
  rowsOf("select * from scan_days order by 1, 2, 3, 4")
])

const untilApplied = (events: number, generation = 1) => untilCount(`scans_applied_${generation}`, events)

const untilDropped = (generation: number) =>
  until(`generation ${generation} dropped`, tablesOfScans(generation), (tables) => tables.length === 0)

/** The indexes of all tables of scans, without the number of the generation. */
const indexesOf = (generation: number) =>
  rowsOf(`select regexp_replace(indexdef, '_${generation}(?=[_ ])', '', 'g') as index from pg_indexes
    where tablename ~ '^scan.*_${generation}$' order by 1`)

/** Slows down every batch of a generation of scans. */
const slowDown = Effect.fnUntraced(function*(generation: number) {
  const sql = yield* SqlClient
  yield* sql`create function take_time() returns trigger language plpgsql
    as $$ begin perform pg_sleep(0.1); return null; end $$`
  yield* sql.unsafe(`create trigger slow before insert on scans_${generation} execute function take_time()`)
})

const generation = Effect.map(lives, ([scans]) => scans?.generation)

const Comparison = Schema.Struct({
  events: Schema.Number,
  tables: Schema.Record(Schema.String, TableComparison)
})
const comparisonOf = (rebuild: { readonly result: unknown } | undefined) =>
  Schema.decodeUnknownEffect(Comparison)(rebuild?.result)

for (const engine of engines) {
  const stack = Layer.mergeAll(logOnBroker, engine.layer, ProcessHealth.layer)
  const running = projector.pipe(Layer.provideMerge(stack))

  describe(`a rebuild on ${engine.name}`, () => {
    it.live("has the rows of the live read model, replaces it and leaves nothing behind", () =>
      Effect.gen(function*() {
        yield* history(0, 1_500)
        yield* untilApplied(1_500)
        const before = yield* content
        assert.strictEqual(before[0].length, 700)
        const indexed = yield* indexesOf(1)
        const rebuild = yield* rebuilt("scans")
        assert.deepInclude(rebuild, { state: "switched", error: null, generation: 2 })
        assert.strictEqual(yield* generation, 2)
        assert.deepStrictEqual(yield* content, before)
        assert.deepStrictEqual(yield* indexesOf(2), indexed)
        yield* untilDropped(1)
        assert.deepStrictEqual(yield* durables, ["scans-2"])
        const late = yield* Effect.flip(
          applyOnce(scans, 1, [delivered(9_999, "late", "scan.created", { id: "late" })])
        )
        assert.strictEqual(late._tag, "NotNow", "a batch of the dropped generation changes nothing")
        yield* history(1_500, 1_600)
        yield* untilApplied(1_600, 2)
        yield* until("no fault", (yield* ProcessHealth).faults, (faults) => faults.length === 0)
      }).pipe(Effect.provide(running)))

    it.live("never hides a row from readers while events arrive", () =>
      Effect.gen(function*() {
        yield* history(0, 1_000)
        yield* untilApplied(1_000)
        let seen = 0
        const read = Effect.gen(function*() {
          const [row] = yield* rowsOf(
            "select (select sum(scans) from scan_days) as counted,"
              + " (select count(distinct event_id) from scans) as rows, (select max(sequence) from scans) as last"
          )
          const last = Number(row?.["last"])
          assert.isAtLeast(last, seen)
          seen = last
          assert.strictEqual(Number(row?.["counted"]), Number(row?.["rows"]))
        })
        const readers = yield* Effect.forkChild(Effect.forever(Effect.delay(read, "10 millis")))
        if (engine === postgres) {
          // The new generation lags all the time, as with a long history. (With a single connection, all queries
          // would wait.)
          yield* Effect.forkChild(
            until("generation 2", tablesOfScans(2), (tables) => tables.length === 3).pipe(
              Effect.andThen(slowDown(2))
            )
          )
        }
        let next = 1_000
        const writer = yield* Effect.forkChild(
          Effect.forever(
            Effect.suspend(() => history(next, next += 20)).pipe(Effect.andThen(Effect.sleep("20 millis")))
          )
        )
        assert.strictEqual((yield* rebuilt("scans"))?.state, "switched")
        yield* Fiber.interrupt(writer)
        yield* untilApplied(next - 20, 2)
        assert.isUndefined(readers.pollUnsafe(), "a read failed or went back")
        yield* Fiber.interrupt(readers)
        yield* untilDropped(1)
        const comparison = yield* comparisonOf(yield* rebuilt("scans", "verify"))
        assert.isTrue(comparison.tables["scans"]?.equal)
        assert.isTrue(comparison.tables["scan_days"]?.equal)
        assert.isTrue(comparison.tables["scans_applied"]?.equal)
      }).pipe(Effect.provide(running)), 180_000)

    it.live("that fails during its switch leaves the views unchanged, and the next one switches", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* history(0, 600)
        yield* untilApplied(600)
        const before = yield* content
        yield* sql`create function refuse() returns trigger language plpgsql
          as $$ begin raise 'not this one'; end $$`
        yield* sql`create trigger refuse before update of generation on projections
          for each row execute function refuse()`
        const failed = yield* rebuilt("scans")
        assert.strictEqual(failed?.state, "failed")
        assert.include(failed?.error, "not this one")
        const shown = yield* rowsOf(
          "select pg_get_viewdef('scans') as scans, pg_get_viewdef('scan_days') as counts"
        )
        assert.include(shown[0]?.["scans"], "scans_1")
        assert.include(shown[0]?.["counts"], "scan_days_1")
        assert.strictEqual(yield* generation, 1)
        yield* untilDropped(2)
        yield* sql`drop trigger refuse on projections`
        assert.deepInclude(yield* rebuilt("scans"), { state: "switched", error: null, generation: 3 })
        assert.deepStrictEqual(yield* content, before)
      }).pipe(Effect.provide(running)))

    it.live("that is a dry run reports exactly the rows that were changed by hand, and changes nothing", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* history(0, 1_500)
        yield* untilApplied(1_500)
        const clean = yield* comparisonOf(yield* rebuilt("scans", "verify"))
        assert.isTrue(Object.values(clean.tables).every(({ equal }) => equal))
        assert.strictEqual(clean.events, 1_500)
        yield* sql`update scans set city = 'Elsewhere' where id = 'scan_5'`
        yield* sql`delete from scans where id = 'scan_6'`
        yield* sql`insert into scans select (jsonb_populate_record(scan, '{"id":"scan_new"}')).*
          from scans_1 as scan where id = 'scan_7'`
        const tampered = yield* content
        const { tables } = yield* comparisonOf(yield* rebuilt("scans", "dry-run"))
        assert.deepInclude(tables["scans"], { equal: false, only_live: 1, only_rebuilt: 1, different: 1 })
        assert.deepStrictEqual(tables["scans"]?.examples, [
          {
            kind: "different",
            key: { id: "scan_5" },
            columns: { city: { live: "Elsewhere", rebuilt: null } }
          },
          { kind: "only_rebuilt", key: { id: "scan_6" }, columns: {} },
          { kind: "only_live", key: { id: "scan_new" }, columns: {} }
        ])
        assert.isTrue(tables["scan_days"]?.equal)
        assert.isTrue(tables["scans_applied"]?.equal)
        assert.deepStrictEqual(yield* content, tampered)
        assert.strictEqual(yield* generation, 1)
        yield* untilDropped(2)
        yield* untilDropped(3)
        assert.deepStrictEqual(yield* durables, ["scans-1"])
      }).pipe(Effect.provide(running)))

    it.live("ends with the reason when the code of the projection throws", () =>
      Effect.gen(function*() {
        const complete = () => Effect.die(new Error("a mistake in complete"))
        const broken: Projection = { ...scans, bulk: { apply: scans.apply, complete } }
        yield* history(0, 10)
        const rebuild = yield* Effect.provide(
          Effect.andThen(untilApplied(10), rebuilt("scans")),
          projectorOf(broken)
        )
        assert.deepInclude(rebuild, { state: "failed", error: "a mistake in complete" })
      }).pipe(
        Effect.provide(Layer.provideMerge(Layer.merge(logOnBroker, ProcessHealth.layer), engine.layer))
      ))

    it.live("runs one at a time, can be cancelled, and never reuses a generation", () =>
      Effect.gen(function*() {
        yield* history(0, 200)
        const id = yield* request("scans", "rebuild", "the tests")
        if (id === undefined) return assert.fail("no rebuild")
        assert.isUndefined(yield* request("scans", "verify", "the tests"))
        assert.isTrue(yield* cancel(id))
        assert.isFalse(yield* cancel(id))
        assert.strictEqual((yield* ended("scans", id))?.state, "cancelled")
        yield* untilApplied(200)
        const next = yield* rebuilt("scans")
        assert.deepInclude(next, { state: "switched", generation: 3 })
        yield* untilDropped(1)
        yield* untilDropped(2)
        assert.deepStrictEqual(yield* durables, ["scans-3"])
      }).pipe(Effect.provide(running)))

    it.live("restores a read model that lost its rows, and a lost event is applied again before that", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* history(0, 500)
        yield* untilApplied(500)
        const before = yield* content
        yield* sql`truncate scans_1, scan_days_1`
        yield* sql`delete from scans_applied_1 where event_id = 'evt_17'`
        const { tables } = yield* comparisonOf(yield* rebuilt("scans", "verify"))
        const lost = tables["scans_applied"]
        assert.isAtMost(lost?.only_rebuilt ?? 2, 1)
        assert.deepInclude(lost, { only_live: 0, different: 0 })
        assert.isAtLeast(tables["scans"]?.only_rebuilt ?? 0, before[0].length - 1)
        yield* untilApplied(500)
        assert.strictEqual(tables["scans"]?.examples.length, 100)
        assert.strictEqual((yield* rebuilt("scans"))?.state, "switched")
        assert.deepStrictEqual(yield* content, before)
        assert.strictEqual(yield* countOf("scans"), 500)
      }).pipe(Effect.provide(running)))

    it.live("fails and switches nothing when the new read model would lack rows of the live one", () =>
      Effect.gen(function*() {
        yield* history(0, 100)
        yield* untilApplied(100)
        const before = yield* content
        const { connection } = yield* Nats
        yield* Effect.promise(async () =>
          (await connection.jetstreamManager()).streams.deleteMessage(stream, 42)
        )
        const rebuild = yield* rebuilt("scans")
        assert.strictEqual(rebuild?.state, "failed")
        assert.match(rebuild?.error ?? "", /^1 events that scans has applied would be missing/)
        assert.match(rebuild?.error ?? "", /\(sequence 42\), which is no longer in the log/)
        assert.deepStrictEqual(yield* content, before)
        yield* untilDropped(2)
        assert.deepStrictEqual(yield* durables, ["scans-1"])
      }).pipe(Effect.provide(running)))

    it.live("is due when the program's tables changed; until then the program waits, and no older program writes", () =>
      Effect.gen(function*() {
        const made = (id: number) =>
          append(`n${id}`, `{"id":"n${id}","event":"note.made","data":{"text":"${id}"}}`, "note.made")
        const runs = (projection: Projection) => Layer.fresh(projectorOf(projection))
        yield* made(1)
        yield* Effect.provide(untilCount("notes_applied_1", 1), runs(notes(1, "text")))
        yield* Effect.gen(function*() {
          yield* made(2)
          const { faults } = yield* ProcessHealth
          yield* until(
            "a fault that names the column",
            faults,
            (faults) => faults.some(({ reason }) => reason.includes(`column "words"`))
          )
          assert.strictEqual((yield* rebuilt("notes"))?.state, "switched")
          assert.deepStrictEqual(yield* rowsOf("select words from notes order by 1"), [
            { words: "1" },
            { words: "2" }
          ])
          assert.deepInclude((yield* lives)[0], { generation: 2, version: 2 })
          yield* poll(faults, (faults) => faults.length === 0)
        }).pipe(Effect.provide(runs(notes(2, "words"))))
        yield* Effect.gen(function*() {
          yield* made(3)
          yield* until(
            "a fault that names both versions",
            (yield* ProcessHealth).faults,
            (faults) => faults.some(({ reason }) => /version 2 of notes is live.*has version 1/.test(reason))
          )
          assert.strictEqual(yield* countOf("notes"), 2)
        }).pipe(Effect.provide(runs(notes(1, "text"))))
      }).pipe(Effect.provide(stack)))

    it.live("fails before it reads the log when a view of a user does not fit, and the live read model stays", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        const runs = (projection: Projection) => Layer.fresh(projectorOf(projection))
        yield* append("n1", `{"id":"n1","event":"note.made","data":{"text":"1"}}`, "note.made")
        yield* Effect.provide(untilCount("notes_applied_1", 1), runs(notes(1, "text")))
        yield* sql`create view texts as select text from notes`
        yield* Effect.gen(function*() {
          const rebuild = yield* rebuilt("notes")
          assert.deepInclude(rebuild, { state: "failed", started_at: null })
          assert.match(rebuild?.error ?? "", /^The view texts does not fit the new columns of notes/)
          assert.deepStrictEqual(yield* rowsOf("select text from texts"), [{ text: "1" }])
          yield* sql`drop view texts`
          assert.strictEqual((yield* rebuilt("notes"))?.state, "switched")
        }).pipe(Effect.provide(runs(notes(2, "words"))))
      }).pipe(Effect.provide(stack)))

    it.live("replaces a table by a view of the same name, and keeps dependent views correct before and after", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* install(withCounts, () => Effect.succeed("scans-1"))
        yield* sql`create view mine as select country, scans from scan_counts`
        const mine = rowsOf("select country, scans from mine order by country, scans")
        const expected = rowsOf(`select country, count(*) as scans from scans
          group by country, date_trunc('hour', scanned_at, 'UTC') order by 1, 2`)
        yield* Effect.gen(function*() {
          yield* history(0, 300)
          yield* untilApplied(300)
          assert.isAbove((yield* mine).length, 4)
          assert.deepStrictEqual(yield* mine, yield* expected)
          assert.strictEqual((yield* rebuilt("scans"))?.state, "switched")
          assert.deepStrictEqual(yield* mine, yield* expected)
          yield* until(
            "the table is gone",
            sql`select to_regclass('scan_counts_1') as found`,
            ([row]) => row?.["found"] === null
          )
          assert.deepStrictEqual(yield* mine, yield* expected)
        }).pipe(Effect.provide(projector))
      }).pipe(Effect.provide(stack)))

    it.live("drops its generation later, even if a view keeps the tables of an earlier one", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* Effect.gen(function*() {
          yield* history(0, 20)
          yield* untilApplied(20)
          yield* sql`create view kept as select id from scans_1`
          for (const _ of [2, 3]) assert.strictEqual((yield* rebuilt("scans"))?.state, "switched")
          yield* until("no tables of generation 2", tablesOfScans(2), (tables) => tables.length === 0)
          assert.include(yield* tablesOfScans(1), "scans_1")
          yield* sql`drop view kept`
          yield* until("no tables of generation 1", tablesOfScans(1), (tables) => tables.length === 0)
        }).pipe(Effect.provide(projector))
      }).pipe(Effect.provide(stack)))
  })
}

/** The scans projection of version 2, in which a table was used instead of today's view. */
const { views: _, ...withoutViews } = scans
const withCounts: Projection = {
  ...withoutViews,
  version: 2,
  tables: {
    ...scans.tables,
    scan_counts: counterTable(
      { qpr_code_id: "text", hour: "timestamptz not null", country: "text", device: "text" },
      ["scans", "conversations", "messages"]
    )
  }
}

/** A read model whose only data column has this name. */
const notes = (version: number, column: string): Projection => ({
  name: "notes",
  version,
  types: ["note.made"],
  tables: { notes: { key: ["id"], columns: `id text primary key, ${column} text`, indexes: [] } },
  apply: (sql, table, { rows }) =>
    Effect.asVoid(sql`
      insert into ${table("notes")} (id, ${sql.literal(column)}) select event_id, event->'data'->>'text'
      from ${rows} as row`)
})
