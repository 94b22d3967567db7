// Runs: broker

import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { Buffer } from "node:buffer"
import { Consumers } from "../../../src/Consumer/Consumer.ts"
import { retryAfter } from "../../../src/Consumer/Outcome.ts"
import { DeadLetters } from "../../../src/EventLog/DeadLetters.ts"
import { eventOf as eventOfLetter } from "../../../src/EventLog/DeadLetters/Letter.ts"
import { type Delivered, eventOf } from "../../../src/EventLog/Delivered.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"
import { ledgerPage } from "../../../src/Projector/Place/LedgerPage.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import { postgres } from "../../support/Databases.ts"
import { consumersOnBroker } from "../../support/Log.ts"
import { projectorOf, rebuilt, unequal, untilCount } from "../../support/Projecting.ts"
import { until } from "../../support/Until.ts"
import { scanCreated } from "../../support/Webhook.ts"

const running = projectorOf(scans).pipe(
  Layer.provideMerge(Layer.mergeAll(consumersOnBroker, ProcessHealth.layer, postgres.layer))
)

/** Publishes as another program does, with only the headers that its client sets. */
const publish = Effect.fnUntraced(function*(body: string, msgID?: string) {
  const { connection } = yield* Nats
  const options = msgID === undefined ? {} : { msgID }
  const ack = yield* Effect.promise(() =>
    connection.jetstream().publish("3qpr.events.scan.created", Buffer.from(body), options)
  )
  return ack.seq
})

layer(running, { excludeTestServices: true })(
  "a message that another program published without our headers",
  (it) => {
    it.effect("is the same event for consumers, the ledger, rebuilds and redrives", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const letters = yield* DeadLetters
        const consumers = yield* Consumers
        const bare = yield* publish(scanCreated("evt_bare"))
        const named = yield* publish(scanCreated("evt_named"), "named_by_its_client")
        yield* untilCount("scans", 2)

        const { counts, problems } = yield* ledgerPage(scans, { generation: 1, durable: "scans-1" }, 0, named)
        assert.deepStrictEqual(problems, [])
        assert.deepInclude(counts, { stream: 2, applied: 2, skipped: 0 })

        const seen = new Map<number, Delivered>()
        yield* Effect.forkScoped(consumers.run({
          durable: "witness",
          filter: "3qpr.events.>",
          maxBatch: 10,
          pause: Effect.void,
          handle: (batch) =>
            Effect.sync(() => batch.map((event) => (seen.set(event.sequence, event), retryAfter(60_000))))
        }))
        yield* until("both are delivered", Effect.sync(() => seen.size), (count) => count === 2)
        for (const [sequence, id] of [[bare, `sequence:${bare}`], [named, "named_by_its_client"]] as const) {
          const event = seen.get(sequence)
          if (event === undefined) return assert.fail("not delivered")
          assert.strictEqual(event.id, id)
          const { id: _, ...expected } = {
            ...event,
            headers: [...event.headers],
            body: Buffer.from(event.body)
          }
          const entry = eventOf(Option.getOrThrow(yield* log.get(sequence)))
          assert.deepInclude({ ...entry, body: Buffer.from(entry.body) }, expected)
          yield* letters.put("witness", event, "no use")
          const letter = Option.getOrThrow(yield* letters.find(`witness:${sequence}`))
          const { receivedAt, type } = eventOfLetter(letter, event.body)
          assert.deepStrictEqual([letter.eventId, type, receivedAt], [id, "scan.created", event.receivedAt])
        }

        assert.deepStrictEqual(unequal((yield* rebuilt("scans", "verify"))?.result), [])
      }))
  }
)
