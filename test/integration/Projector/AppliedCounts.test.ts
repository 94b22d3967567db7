// Runs: node first

import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { appliedBy, appliedWithin, bucketSize, record } from "../../../src/Projector/Apply/AppliedCounts.ts"
import { withoutApplied } from "../../../src/Projector/Place/Completeness.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { rowsIn } from "../../../src/Projector/Rows.ts"
import { engines } from "../../support/Databases.ts"
import { drawsOf } from "../../support/Faults/Bodies.ts"
import { given } from "../../support/Specification.ts"

const last = 6 * bucketSize

/** The count from the table itself. */
const counted = Effect.fnUntraced(function*(from: number, to: number) {
  const sql = yield* SqlClient
  const [row] = yield* sql<{ readonly events: number }>`
    select count(*)::int as events from scans_applied_1
    where sequence between ${from}::bigint and ${to}::bigint`
  return row?.events
})

for (const engine of engines) {
  layer(engine.layer, { excludeTestServices: true })(`counts of applied events on ${engine.name}`, (it) => {
    it.effect("agree with the table for any range, whatever the order and repetition of events", () =>
      Effect.gen(function*() {
        yield* given(scans)
        const draw = drawsOf(7)
        const sequence = () => Math.floor(draw() * last)
        for (let batch = 0; batch < 30; batch++) {
          const rows = Array.from({ length: 100 }, sequence).map((at) => ({
            id: `evt_${at}`,
            sequence: at
          }))
          const once = new Set(rows.map(({ id }) => id))
          const recorded = yield* record(scans, 1, [...rows, ...rows])
          assert.isAtMost(recorded.length, once.size)
          assert.deepStrictEqual(yield* record(scans, 1, rows), [], "recorded once")
        }
        const edges = [0, 1, bucketSize - 1, bucketSize, bucketSize + 1, 2 * bucketSize, last]
        const ranges = [
          ...edges.flatMap((from) => edges.map((to) => [from, to] as const)),
          ...Array.from({ length: 200 }, () => [sequence(), sequence()] as const)
        ]
        for (const [from, to] of ranges) {
          assert.strictEqual(
            yield* appliedWithin(scans, 1, from, to),
            yield* counted(from, to),
            `${from} to ${to}`
          )
        }
        assert.strictEqual(yield* appliedBy(scans, 1), yield* counted(0, last))
      }))

    it.effect("are exact when batches are recorded concurrently, and when one is rolled back", () =>
      Effect.gen(function*() {
        yield* given(scans)
        const sql = yield* SqlClient
        const batch = (number: number) =>
          Array.from({ length: 50 }, (_, at) => ({
            id: `evt_${number}_${at}`,
            sequence: (number * 50 + at) * 37
          }))
        yield* Effect.forEach(
          Array.from({ length: 20 }, (_, number) => number),
          (number) =>
            sql.withTransaction(
              Effect.andThen(
                record(scans, 1, batch(number)),
                number % 4 === 0 ? Effect.fail("undone") : Effect.void
              )
            ).pipe(Effect.catchIf((error) => error === "undone", () => Effect.void)),
          { concurrency: 8, discard: true }
        )
        assert.strictEqual(yield* appliedBy(scans, 1), 750)
        assert.strictEqual(yield* counted(0, last), 750)
      }))

    it.effect("find thousands of dead letters that are not applied in one pass over a shuffled table", () =>
      Effect.gen(function*() {
        yield* given(scans)
        const sql = yield* SqlClient
        const events = 30_000
        yield* sql`insert into scans_applied_1 (event_id, sequence)
          select 'evt_' || n, case when n % 3 = 0 then -n else n end
          from (select 2 * n as n from generate_series(1, ${events}::int) as n order by hashint4(n)) as shuffled`
        const letters = Array.from({ length: 5_000 }, (_, at) => at + 1)
        const found = sql.withTransaction(Effect.andThen(
          // One look-up per dead letter takes minutes.
          sql`set local statement_timeout = '10s'`,
          withoutApplied({ projection: scans, generation: 1, from: 1, to: 4_000 }, letters)
        ))
        assert.strictEqual(yield* found, 2_000)
      }))

    it.effect("of rows are exact up to ten thousand and approximate above", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* sql`create table many (id int primary key)`
        assert.strictEqual(yield* rowsIn("many"), 0)
        yield* sql`insert into many select generate_series(1, 10000)`
        assert.strictEqual(yield* rowsIn("many"), 10_000)
        yield* sql`insert into many select generate_series(10001, 50000)`
        assert.isAbove(yield* rowsIn("many"), 10_000)
        yield* sql`analyze many`
        assert.approximately(yield* rowsIn("many"), 50_000, 500)
      }))
  })
}
