// Runs: node first

import { PgClient } from "@effect/sql-pg"
import { assert, describe, it, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Queue } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { forgetRows } from "../../../src/Jobs/Erasure/ErasedRows.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { announce, channel } from "../../../src/Projector/Changes/Announce.ts"
import { prune } from "../../../src/Projector/Changes/Prune.ts"
import {
  beginning,
  type Cursor,
  endOfFeed,
  readChanges,
  spansOf
} from "../../../src/Projector/Changes/Read.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { engines, postgres } from "../../support/Databases.ts"
import { logOnBroker } from "../../support/Log.ts"
import { append, projectorOf, rebuilt, untilCount } from "../../support/Projecting.ts"
import { delivered, given, rowsOf } from "../../support/Specification.ts"
import { until } from "../../support/Until.ts"
import { scanCreated } from "../../support/Webhook.ts"

const scan = (sequence: number, id: string) => delivered(sequence, `evt_${sequence}`, "scan.created", { id })

/** The changes after a cursor as short texts, page by page to the end. */
const changesAfter = Effect.fnUntraced(function*(start: Cursor) {
  const found: Array<string> = []
  for (let cursor = start;;) {
    const page = yield* readChanges(cursor)
    found.push(
      ...page.changes.map(({ event_id, key, kind, projection, sequence }) =>
        [kind, projection, key?.["id"], sequence, event_id].filter((part) =>
          part !== null && part !== undefined
        ).join(" ")
      )
    )
    if (page.end) return { found, cursor: page.cursor }
    cursor = page.cursor
  }
})

const empty = Effect.flatMap(SqlClient, (sql) => sql`truncate changes restart identity`)

for (const engine of engines) {
  layer(engine.layer, { excludeTestServices: true })(`changes on ${engine.name}`, (it) => {
    it.effect("name each row that a batch has made, once per event, and continue after a cursor", () =>
      Effect.gen(function*() {
        yield* empty
        const { when } = yield* given(scans)
        yield* when([scan(1, "a"), scan(2, "b")])
        const first = yield* changesAfter(beginning)
        assert.deepStrictEqual(first.found, ["changed scans a 1 evt_1", "changed scans b 2 evt_2"])
        yield* when([scan(1, "a")], [scan(900_000, "c"), scan(3, "a")])
        const second = yield* changesAfter(first.cursor)
        assert.deepStrictEqual(second.found, ["changed scans a 3 evt_3", "changed scans c 900000 evt_900000"])
        assert.deepStrictEqual((yield* changesAfter(second.cursor)).found, [])
        // A later event has replaced the row of the first one.
        assert.include((yield* changesAfter(beginning)).found, "changed scans 1")
        assert.deepStrictEqual(
          yield* endOfFeed,
          yield* Effect.map(changesAfter(second.cursor), ({ cursor }) => cursor)
        )
      }))

    it.effect("name the rows of an erasure by their sequences, and nothing else of them", () =>
      Effect.gen(function*() {
        yield* empty
        const { when } = yield* given(scans)
        yield* when([scan(1, "a"), scan(2, "b")])
        const { cursor } = yield* changesAfter(beginning)
        yield* forgetRows({
          sequences: [1],
          events: [{ id: "evt_1", sequence: 1, type: "scan.created", own: "scan:a" }]
        })
        assert.deepStrictEqual((yield* changesAfter(cursor)).found, ["removed scans 1"])
        assert.notInclude(JSON.stringify(yield* changesAfter(beginning)), "evt_1")
      }))

    it.effect("begin again for a cursor whose record was deleted, or is another one", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* empty
        const { when } = yield* given(scans)
        yield* when([scan(1, "a")], [scan(2, "b")])
        const page = yield* readChanges(beginning)
        yield* sql`update changes set at = at - interval '8 days' where position = 1`
        yield* prune()
        assert.deepStrictEqual(yield* rowsOf("select position from changes"), [{ position: 2 }])
        assert.deepStrictEqual((yield* changesAfter(beginning)).found, ["reset"])
        assert.deepStrictEqual((yield* changesAfter(page.cursor)).found, [])
        yield* sql`update changes set at = at + interval '1 second'`
        assert.deepStrictEqual((yield* changesAfter(page.cursor)).found, ["reset"])
        assert.deepStrictEqual((yield* changesAfter({ position: 99, stamp: "1" })).found, ["reset"])
      }))

    it.effect("reads a batch of many events, and batches after it, in pages", () =>
      Effect.gen(function*() {
        yield* empty
        const { when } = yield* given(scans)
        const many = Array.from({ length: 1_500 }, (_, index) => scan(index + 1, `scan_${index + 1}`))
        yield* when(many, [scan(2_000, "late")])
        const page = yield* readChanges(beginning)
        assert.deepStrictEqual([page.changes.length, page.cursor.position, page.end], [1_500, 1, false])
        assert.strictEqual((yield* changesAfter(beginning)).found.length, 1_501)
      }))
  })
}

describe("changes of several processes", () => {
  it.live("have positions in the order of their commits, and listeners are notified", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient
      const notified = yield* (yield* PgClient.PgClient).listen(channel)
      const [announced, commit] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const change = (sequence: number) => announce({ name: "scans", kind: "changed", sequences: [sequence] })
      const slow = yield* sql.withTransaction(
        change(7).pipe(
          Effect.andThen(Deferred.succeed(announced, undefined)),
          Effect.andThen(Deferred.await(commit))
        )
      ).pipe(Effect.forkChild)
      yield* Deferred.await(announced)
      const other = yield* Effect.forkChild(sql.withTransaction(change(3)))
      yield* until(
        "the other transaction waits",
        sql`select 1 from pg_locks where locktype = 'advisory' and not granted`,
        ({ length }) => length === 1
      )
      assert.deepStrictEqual((yield* readChanges(beginning)).changes, [])
      yield* Deferred.succeed(commit, undefined)
      yield* Fiber.join(slow)
      yield* Fiber.join(other)
      assert.deepStrictEqual((yield* readChanges(beginning)).changes.map(({ sequence }) => sequence), [7, 3])
      const payloads = [yield* Queue.take(notified), yield* Queue.take(notified)]
      assert.deepStrictEqual(payloads.map((payload) => JSON.parse(payload.payload)), [
        { projection: "scans", sequence: 7, position: 1 },
        { projection: "scans", sequence: 3, position: 2 }
      ])
    }).pipe(Effect.scoped, Effect.provide(postgres.layer)))

  it.live("say that a promotion can have changed every row, and nothing of a generation that is being built", () =>
    Effect.gen(function*() {
      for (const id of ["a", "b"]) yield* append(`evt_${id}`, scanCreated(`evt_${id}`, { id }))
      yield* untilCount("scans_applied_1", 2)
      const { cursor } = yield* changesAfter(beginning)
      assert.strictEqual((yield* rebuilt("scans"))?.state, "switched")
      const { cursor: after, found } = yield* changesAfter(cursor)
      assert.deepStrictEqual(found, ["rebuilt scans"])
      const { sequence } = yield* append("evt_c", scanCreated("evt_c", { id: "c" }))
      yield* untilCount("scans_applied_2", 3)
      assert.deepStrictEqual((yield* changesAfter(after)).found, [`changed scans c ${sequence} evt_c`])
    }).pipe(
      Effect.provide(
        projectorOf(scans).pipe(
          Layer.provideMerge(Layer.mergeAll(logOnBroker, postgres.layer, ProcessHealth.layer))
        )
      )
    ))
})

describe("the sequences of a batch", () => {
  it("are looked up in spans without large gaps", () => {
    assert.deepStrictEqual(spansOf([30_000, 1, 3, 2, 30_001]), [[1, 2, 3], [30_000, 30_001]])
    assert.deepStrictEqual(spansOf([]), [])
  })
})
