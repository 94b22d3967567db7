// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Consumers } from "../../../src/Consumer/Consumer.ts"
import { DeadLetters } from "../../../src/EventLog/DeadLetters.ts"
import { stream } from "../../../src/EventLog/Names.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { beginning, readChanges } from "../../../src/Projector/Changes/Read.ts"
import { expireLive, RowRetention } from "../../../src/Projector/Expire.ts"
import { completeness } from "../../../src/Projector/Place/Completeness.ts"
import { conversations } from "../../../src/Projector/Projections/Conversations.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { engines, postgres } from "../../support/Databases.ts"
import { logOnBroker } from "../../support/Log.ts"
import { append, countOf, projectorOf, rebuilt, unequal, untilCount } from "../../support/Projecting.ts"
import { scanCreated } from "../../support/Webhook.ts"

const day = 86_400_000

const ago = (days: number) => new Date(Date.now() - days * day).toISOString()

const scan = (id: string, days: number) =>
  append(id, scanCreated(id, { qpr_code_id: "q", country: "CH", scanned_at: ago(days) }))

const counted = Effect.flatMap(SqlClient, (sql) =>
  Effect.map(
    sql<{ readonly total: number }>`select sum(scans)::int as total from scan_days`,
    ([row]) => row?.total ?? 0
  ))

for (const engine of engines) {
  const projector = projectorOf(scans, conversations)
  const running = projector.pipe(
    Layer.provideMerge(Consumers.layer),
    Layer.provideMerge(DeadLetters.layer),
    Layer.provideMerge(Layer.mergeAll(logOnBroker, engine.layer, ProcessHealth.layer)),
    Layer.provideMerge(Layer.succeed(RowRetention, 30 * day))
  )

  describe(`rows with a limited retention, on ${engine.name}`, () => {
    it.live("are removed with their counters when they are too old, and a rebuild gives the same rows", () =>
      Effect.gen(function*() {
        const old = yield* scan("old", 40)
        const older = yield* scan("older", 400)
        yield* scan("new", 1)
        yield* scan("newer", 0)
        const talk = yield* append(
          "talk",
          JSON.stringify({
            id: "talk",
            event: "conversation.completed",
            data: { id: "c", completed_at: ago(31) }
          }),
          "conversation.completed"
        )
        yield* untilCount("scans_applied_1", 4)
        yield* untilCount("conversations_applied_1", 1)
        yield* expireLive([scans, conversations])
        assert.strictEqual(yield* countOf("scans"), 2)
        assert.strictEqual(yield* counted, 2)
        const removed = (yield* readChanges(beginning)).changes.filter(({ kind }) => kind === "removed")
        for (const change of removed) assert.deepInclude(change, { table: null, key: null, event_id: null })
        assert.deepStrictEqual(
          removed.map(({ projection, sequence }) => `${projection} ${sequence}`).toSorted(),
          [`conversations ${talk.sequence}`, `scans ${old.sequence}`, `scans ${older.sequence}`]
        )
        assert.strictEqual(yield* countOf("conversations"), 0)
        assert.strictEqual(yield* countOf("conversation_hours"), 0)
        assert.deepInclude(yield* completeness(scans, 1, "scans-1", 5), { applied: 4, missing: 0 })
        const compared = yield* rebuilt("scans", "verify")
        assert.deepStrictEqual(unequal(compared?.result), [])
        assert.strictEqual((yield* rebuilt("scans"))?.state, "switched")
        assert.strictEqual(yield* countOf("scans"), 2)
        assert.strictEqual(yield* counted, 2)
      }).pipe(Effect.provide(running)))

    it.live("are deleted on both sides of a comparison, also when the live generation still lacks some events", () =>
      Effect.gen(function*() {
        yield* scan("new", 1)
        yield* untilCount("scans_applied_1", 1)
        const { connection, newInbox } = yield* Nats
        // Another program pulls events of the live generation, and does not ack them.
        const inbox = newInbox()
        let taken = 0
        connection.subscribe(inbox, { callback: () => void taken++ })
        connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.scans-1`, `{"batch":100}`, { reply: inbox })
        yield* Effect.forEach(Array.from({ length: 20 }, (_, at) => `old_${at}`), (id) => scan(id, 40))
        const compared = yield* rebuilt("scans", "verify")
        assert.isAbove(taken, 0)
        assert.deepStrictEqual(unequal(compared?.result), [])
      }).pipe(Effect.provide(running)))
  })
}

describe("rows without a limited retention", () => {
  it.live("are kept", () =>
    Effect.gen(function*() {
      yield* scan("old", 4_000)
      yield* untilCount("scans", 1)
      yield* expireLive([scans])
      assert.strictEqual(yield* countOf("scans"), 1)
    }).pipe(Effect.provide(
      projectorOf(scans).pipe(
        Layer.provideMerge(Layer.mergeAll(logOnBroker, postgres.layer, ProcessHealth.layer))
      )
    )))
})
