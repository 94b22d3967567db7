// Runs: broker

import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { Operations } from "../../../src/EventLog/Operations.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { logOnBroker } from "../../support/Log.ts"

const asked = { kind: "discard" as const, by: "ann", reason: "test", asked: {}, rate: 100 }

const begin = Effect.fnUntraced(function*(ids: ReadonlyArray<string>) {
  const { operation } = yield* (yield* Operations).begin(asked, Stream.fromIterable(ids))
  return operation ?? ""
})

/** Lists the last operations, and measures how many bytes the broker sent for them. */
const listed = Effect.fnUntraced(function*(limit: number) {
  const { connection } = yield* Nats
  const before = connection.stats().inBytes
  const found = yield* (yield* Operations).list(limit)
  return { found, bytes: connection.stats().inBytes - before }
})

layer(Operations.layer.pipe(Layer.provideMerge(logOnBroker)), { excludeTestServices: true })(
  "the list of operations",
  (it) => {
    it.effect("starts with the newest, includes their outcomes, and costs the same however many operations exist", () =>
      Effect.gen(function*() {
        const { cancel, record } = yield* Operations
        assert.deepStrictEqual((yield* listed(3)).found, [])
        const first = yield* begin(["crm:1", "crm:2"])
        yield* record(first, "crm:1", "discarded")
        yield* record(first, "crm:2", "gone")
        for (const id of ["crm:3", "crm:4"]) yield* begin([id])
        const few = yield* listed(3)
        assert.deepInclude(few.found[2], { id: first, results: { discarded: 1, gone: 1 }, left: 0 })
        for (let at = 0; at < 200; at++) yield* record(yield* begin([`crm:${at}`]), `crm:${at}`, "gone")
        const last = [yield* begin(["crm:5"]), yield* begin(["crm:6"]), yield* begin(["crm:7"])]
        yield* cancel(last[2] ?? "", "bob")
        const many = yield* listed(3)
        assert.deepStrictEqual(many.found.map(({ id }) => id), last.toReversed())
        assert.strictEqual(many.found[0]?.cancelled?.by, "bob")
        assert.isBelow(many.bytes, few.bytes * 2)
        assert.strictEqual((yield* listed(500)).found.length, 206)
      }))
  }
)
