// Runs: long

import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Operations } from "../../../src/EventLog/Operations.ts"
import { forgetRows } from "../../../src/Jobs/Erasure/ErasedRows.ts"
import * as Runner from "../../../src/Jobs/Operations/Runner.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { expireLive, RowRetention } from "../../../src/Projector/Expire.ts"
import { compile } from "../../../src/Projector/Own/Compile.ts"
import type { ByRow, Definition } from "../../../src/Projector/Own/Definition.ts"
import { indexFilters } from "../../../src/Projector/Own/IndexFilters.ts"
import { tryOut } from "../../../src/Projector/Own/Trial.ts"
import { Projections } from "../../../src/Projector/Projections.ts"
import { check } from "../../../src/Projector/Projector.ts"
import { removeProjection } from "../../../src/Projector/Rebuild/RemoveProjection.ts"
import { AutoRebuild } from "../../../src/Projector/Rebuild/StartRebuilds.ts"
import { lives } from "../../../src/Projector/Registry.ts"
import { install } from "../../../src/Projector/Tables.ts"
import { engines } from "../../support/Databases.ts"
import { lettersOf } from "../../support/Letters.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { countries, visits } from "../../support/OwnModels.ts"
import { append, durables, projectorOf, rebuilt, unequal, untilCount } from "../../support/Projecting.ts"
import { rowsOf } from "../../support/Specification.ts"
import { until } from "../../support/Until.ts"
import { scanCreated } from "../../support/Webhook.ts"

const day = 86_400_000

const ago = (days: number) => new Date(Date.now() - days * day).toISOString()

const own = [compile(countries), compile(visits)]

const runs = (...definitions: ReadonlyArray<Definition>) =>
  Layer.fresh(projectorOf(...definitions.map((definition) => compile(definition))))

const scan = (id: string, country: string, more = {}) =>
  append(id, scanCreated(id, { country, scanned_at: "2026-03-20T15:30:00Z", ...more }))

const counted = rowsOf("select country, scans from countries order by 1")

const untilCounted = (expected: Readonly<Record<string, number>>) =>
  until(
    `the counts ${JSON.stringify(expected)}`,
    Effect.orElseSucceed(counted, () => []),
    (rows) =>
      JSON.stringify(Object.fromEntries(rows.map(({ country, scans }) => [country, scans]))) ===
        JSON.stringify(expected)
  )

const verified = Effect.fnUntraced(function*(name: string) {
  return unequal((yield* rebuilt(name, "verify"))?.result)
})

/** The reason why a definition is refused when it is tried. */
const refusal = Effect.fnUntraced(function*(change: Partial<Definition>) {
  const definition: unknown = { ...countries, ...change }
  const { message } = yield* Effect.flip(tryOut(compile(definition as Definition)))
  return message
})

for (const engine of engines) {
  const stack = Layer.mergeAll(consumersOnBroker, engine.layer, ProcessHealth.layer)

  describe(`a read model of a user on ${engine.name}`, () => {
    it.live("is filled from the history, equals the log, and is rebuilt beside the live one", () =>
      Effect.gen(function*() {
        for (const id of ["a", "b", "c"]) yield* scan(id, id === "c" ? "DE" : "CH")
        yield* Effect.gen(function*() {
          yield* untilCounted({ CH: 2, DE: 1 })
          yield* untilCount("visits", 3)
          yield* scan("d", "CH")
          yield* append(
            "e",
            scanCreated("e", { id: "scan_e", scanned_at: "2026-03-20T15:30:00Z", country: null })
          )
          yield* untilCounted({ "?": 1, CH: 3, DE: 1 })
          assert.deepStrictEqual(yield* verified("countries"), [])
          assert.deepStrictEqual(yield* verified("visits"), [])
          const sql = yield* SqlClient
          yield* sql`update countries set scans = 7 where country = 'DE'`
          assert.deepStrictEqual(yield* verified("countries"), ["countries"])
          assert.strictEqual((yield* rebuilt("countries"))?.state, "switched")
          yield* untilCounted({ "?": 1, CH: 3, DE: 1 })
        }).pipe(Effect.provide(runs(countries, visits)))
      }).pipe(Effect.provide(stack)))

    it.live("loses exactly the rows of erased events, by single rows or by a rebuild that starts by itself", () =>
      Effect.gen(function*() {
        const { sequence } = yield* scan("a", "CH", { id: "scan_a" })
        yield* scan("b", "CH", { id: "scan_b" })
        yield* untilCounted({ CH: 2 })
        yield* untilCount("visits", 2)
        yield* forgetRows({
          sequences: [sequence],
          events: [{ id: "a", sequence, type: "scan.created", own: "scan:scan_a" }]
        }).pipe(Effect.provideService(Projections, own))
        assert.deepStrictEqual(yield* rowsOf("select scan_id from visits"), [{ scan_id: "scan_b" }])
        yield* untilCounted({ CH: 1 })
        const live = yield* lives
        assert.deepStrictEqual(live.map(({ generation, name }) => [name, generation]), [["countries", 2], [
          "visits",
          1
        ]])
      }).pipe(Effect.provide(runs(countries, visits).pipe(Layer.provideMerge(stack)))))

    it.live("sets a poison event aside and applies it after a redrive, and its rows expire", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        const operations = yield* Operations
        yield* scan("kept", "CH", { id: "scan_kept", scanned_at: ago(1) })
        yield* scan("old", "CH", { id: "scan_old", scanned_at: ago(40) })
        yield* untilCount("visits_applied_1", 2)
        yield* sql`alter table visits_1 add constraint no_poison check (city <> 'poison')`
        yield* scan("poison", "DE", { id: "scan_poison", city: "poison", scanned_at: ago(2) })
        const [letter] = yield* until(
          "a dead letter",
          lettersOf({ consumer: "visits-1" }),
          ({ length }) => length === 1
        )
        assert.deepInclude(letter, { eventId: "poison" })
        yield* untilCounted({ CH: 2, DE: 1 })
        yield* sql`alter table visits_1 drop constraint no_poison`
        yield* operations.begin(
          { kind: "redrive", by: "the tests", reason: null, asked: {}, rate: 100 },
          Stream.make(letter?.id ?? "")
        )
        yield* untilCount("visits", 3)
        yield* until("no dead letter", lettersOf({ consumer: "visits-1" }), ({ length }) => length === 0)
        yield* expireLive(own)
        assert.deepStrictEqual(yield* rowsOf("select scan_id from visits order by 1"), [
          { scan_id: "scan_kept" },
          { scan_id: "scan_poison" }
        ])
        assert.deepStrictEqual(yield* verified("visits"), [])
        assert.deepStrictEqual(yield* verified("countries"), [])
      }).pipe(Effect.provide(
        runs(countries, visits).pipe(
          Layer.provideMerge(Runner.layer),
          Layer.provideMerge(Operations.layer),
          Layer.provideMerge(stack),
          Layer.provideMerge(Layer.succeed(RowRetention, 30 * day))
        )
      )))

    it.live("is not erased from by a process that does not know it", () =>
      Effect.gen(function*() {
        yield* install(compile(countries), () => Effect.succeed("countries-1"))
        const { message } = yield* Effect.flip(forgetRows({ sequences: [1], events: [] }))
        assert.match(
          message,
          /read models that this process does not know: countries\. Nothing is erased\. Start/
        )
        assert.isTrue(yield* removeProjection("countries"))
        yield* forgetRows({ sequences: [1], events: [] })
        assert.deepStrictEqual(
          yield* rowsOf("select relname from pg_class where relname like 'countries%'"),
          []
        )
        assert.isFalse(yield* removeProjection("countries"))
      }).pipe(Effect.provide(runs().pipe(Layer.provideMerge(stack)))))

    it.live("is rebuilt by itself when its version has changed, if the process is set so", () =>
      Effect.gen(function*() {
        yield* scan("a", "CH")
        yield* Effect.provide(untilCounted({ CH: 1 }), runs(countries))
        const second: ByRow = {
          ...countries,
          version: 2,
          row: { ...countries.row, country: "lower(data->>'country')" }
        }
        yield* Effect.provide(
          Effect.gen(function*() {
            yield* until("a rebuild is due", lives, ([live]) => live?.version === 1)
            assert.deepStrictEqual(yield* durables, ["countries-1"])
          }),
          runs(second)
        )
        yield* Effect.provide(
          untilCounted({ ch: 1 }),
          runs(second).pipe(Layer.provide(Layer.succeed(AutoRebuild, true)))
        )
        assert.deepInclude((yield* lives)[0], { generation: 2, version: 2 })
      }).pipe(Effect.provide(stack)))

    it.live("stops the start when its definition has changed and its version has not", () =>
      Effect.gen(function*() {
        yield* Effect.provide(Effect.void, runs(countries))
        const changed: Definition = { ...countries, columns: { ...countries.columns, last_scan: "text" } }
        const { message } = yield* Effect.flip(Effect.provide(Effect.void, runs(changed)))
        assert.match(
          message,
          /^The definition of the read model countries \(the program\) has changed.*Set version: 2/
        )
        // A process that only reads its rows does not start with it either.
        const read = yield* Effect.flip(check([compile(changed)]))
        assert.strictEqual(read.message, message)
        yield* Effect.provide(Effect.void, runs({ ...countries, filters: [] }))
      }).pipe(Effect.provide(stack)))

    it.live("gets the index of a filter that is declared later, without another version", () =>
      Effect.gen(function*() {
        const indexed = rowsOf(
          "select indexdef from pg_indexes where tablename = 'countries_1' and indexdef like '%(scans)%'"
        )
        yield* Effect.provide(Effect.void, runs(countries))
        const more = compile({ ...countries, filters: ["country", "scans", "last_scan"] })
        yield* scan("a", "CH")
        assert.lengthOf(yield* indexed, 0)
        yield* Effect.provide(
          Effect.andThen(until("the index", indexed, ({ length }) => length === 1), untilCounted({ CH: 1 })),
          Layer.fresh(projectorOf(more))
        )
        yield* indexFilters([more])
        assert.lengthOf(yield* indexed, 1)
        assert.lengthOf(yield* rowsOf("select 1 from pg_indexes where indexdef like '%(country)'"), 1)
      }).pipe(Effect.provide(stack)))
  })

  describe(`the trial of a read model on ${engine.name}`, () => {
    it.live("refuses wrong SQL, taken names and rows that depend on order, batches, time or chance", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        const own = (apply: Definition["apply"]) =>
          ({ row: undefined, add: undefined, apply }) as Partial<Definition>
        assert.match(
          yield* refusal({ row: { ...countries.row, country: "data->>countri" } }),
          /^The read model countries \(the program\) is refused: its SQL fails: column "countri" does not exist.*in the line/
        )
        assert.match(
          yield* refusal({ columns: { ...countries.columns, last_scan: "timestampz" } }),
          /table cannot be created: type "timestampz" does not exist/
        )
        assert.match(
          yield* refusal(own(({ events, table }) => `insert in ${table} select from ${events}`)),
          /syntax error/
        )
        assert.match(
          yield* refusal(own(({ events, table }) =>
            `insert into ${table}
        select data->>'country', 1, now(), event_id, sequence from ${events} on conflict do nothing`
          )),
          /give other rows in another order/
        )
        assert.match(
          yield* refusal(own(({ events, table }) =>
            `insert into ${table}
        select 'all', count(*), max(received_at), max(event_id), max(sequence) from ${events} having count(*) > 0
        on conflict do nothing`
          )),
          /give other rows in another order/
        )
        yield* sql`create table countries (id text)`
        assert.match(yield* refusal({}), /the database has a table or view countries already/)
        yield* sql`drop table countries`
        yield* tryOut(compile(countries))
        yield* tryOut(compile(visits))
        assert.deepStrictEqual(yield* rowsOf("select 1 from pg_tables where tablename like 'countries%'"), [])
      }).pipe(Effect.provide(engine.layer)))
  })
}
