import { Console, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Database } from "../../../src/Database/Database.ts"
import * as Migrations from "../../../src/Database/Migrations.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import * as Broker from "../../support/Broker.ts"
import * as Postgres from "../../support/Postgres.ts"
import { given } from "../../support/Specification.ts"
import { bodyOf } from "../Fill.ts"
import type { Part } from "../Part.ts"
import { secondsOf } from "./Projectors.ts"

/** The throughput of one projector, against the limit: only inserting the same rows into the same table. */
export const projection: Part = {
  name: "projection",
  about: "one projector against the bare insert of its rows, 100,000 scans (--size)",
  onlyWhenNamed: true,
  run: Effect.fnUntraced(function*({ rounds, size = 100_000 }) {
    const pairs: Array<readonly [ours: number, limit: number]> = []
    for (let round = 0; round < rounds; round++) {
      const ours = size / (yield* Effect.scoped(secondsOf(size, 1)))
      const limit = size / (yield* Effect.scoped(inserting(size)))
      pairs.push([ours, limit])
      yield* Console.error(`${ours.toFixed(0)} projected, ${limit.toFixed(0)} inserted a second`)
    }
    return {
      rows: [
        { what: "projected", ...spread(pairs.map(([ours]) => ours)) },
        { what: "inserted, with nothing around", ...spread(pairs.map(([, limit]) => limit)) },
        { what: "ratio", ...spread(pairs.map(([ours, limit]) => ours / limit), 2) }
      ],
      notes: [
        "a second, with the broker and Postgres on the same cores; a projector also records ids and keeps six counters"
      ],
      failures: []
    }
  }, Effect.orDie)
}

const spread = (values: Array<number>, digits = 0) => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? NaN).toFixed(digits)
  return { median: at(0.5), least: at(0), most: at(1) }
}

/** The seconds needed to insert the rows, 500 at a time over two connections. */
const inserting = Effect.fnUntraced(function*(size: number) {
  const { url } = yield* Postgres.start
  const database = Database.layer({ url: Redacted.make(url), dataDir: "", poolSize: 2 }).pipe(
    Layer.provide(Broker.platform)
  )
  return yield* Effect.gen(function*() {
    const sql = yield* SqlClient
    yield* given(scans)
    const rowOf = (at: number) => {
      const { data } = JSON.parse(bodyOf(`evt_${at}`, at).toString()) as {
        readonly data: Record<string, unknown>
      }
      return { ...data, data, event_id: `evt_${at}`, sequence: at, received_at: data["scanned_at"] }
    }
    const batches = Array.from({ length: Math.ceil(size / 500) }, (_, batch) =>
      JSON.stringify(
        Array.from({ length: Math.min(500, size - batch * 500) }, (_, index) => rowOf(batch * 500 + index))
      ))
    const began = performance.now()
    yield* Effect.forEach(
      batches,
      (batch) =>
        sql`insert into scans_1 select * from jsonb_populate_recordset(null::scans_1, ${batch}::text::jsonb)`,
      { concurrency: 2, discard: true }
    )
    return (performance.now() - began) / 1_000
  }).pipe(Effect.provide(Migrations.layer.pipe(Layer.provideMerge(database))))
}, Effect.scoped)
