// Runs: broker

import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { AdminClient } from "../../../src/Admin/Client.ts"
import { DeadLetters } from "../../../src/EventLog/DeadLetters.ts"
import { redriveStream } from "../../../src/EventLog/Names.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import * as Projector from "../../../src/Projector/Projector.ts"
import { append as deliveredOf, listenerAndClient } from "../../support/DeadLetters.ts"
import { poison, refusePoison } from "../../support/Poison.ts"
import { append, rebuilt } from "../../support/Projecting.ts"
import { untilDead, untilDone } from "../../support/Redrive.ts"
import { until } from "../../support/Until.ts"
import { scanCreated } from "../../support/Webhook.ts"

const running = Projector.layer([scans]).pipe(Layer.provideMerge(listenerAndClient))

const waiting = Effect.flatMap(
  Nats,
  ({ connection }) =>
    Effect.promise(async () =>
      (await (await connection.jetstreamManager()).streams.info(redriveStream)).state.messages
    )
)

layer(running, { excludeTestServices: true })("a redrive", (it) => {
  it.effect("ends when a rebuild replaces its generation", () =>
    Effect.gen(function*() {
      const { deadLetters } = yield* AdminClient
      yield* refusePoison
      const ids = ["p1", "p2", "p3", "p4"]
      yield* Effect.forEach(ids, (id) => append(id, scanCreated(id, { city: poison })))
      yield* untilDead("scans-1", ids.length)
      const { operation } = yield* deadLetters.redrive({
        // Slow enough that the rebuild ends before the redrive.
        payload: { filter: { consumer: "scans-1" }, by: "ann", rate: 0.5 }
      })
      assert.strictEqual((yield* rebuilt("scans"))?.state, "switched")
      const { results, state } = yield* untilDone(operation)
      assert.strictEqual(state, "done")
      const { dead = 0, gone = 0 } = results
      assert.strictEqual(dead + gone, ids.length)
      assert.isAbove(gone, 0)
      yield* until("no request", waiting, (count) => count === 0)
    }))

  it.effect("of a dropped generation ends with the reason", () =>
    Effect.gen(function*() {
      const { deadLetters, operations } = yield* AdminClient
      const letters = yield* DeadLetters
      yield* letters.put("scans-99", yield* deliveredOf("evt_1", scanCreated("evt_1")), "no use")
      const { operation } = yield* deadLetters.redrive({
        payload: { filter: { consumer: "scans-99" }, by: "ann" }
      })
      assert.deepStrictEqual((yield* untilDone(operation)).results, { gone: 1 })
      const { outcomes } = yield* operations.outcomes({ params: { id: operation ?? "" }, query: {} })
      assert.deepStrictEqual(outcomes.map(({ error }) => error), [
        "generation 99 of scans is neither live nor being built"
      ])
      yield* until("no request", waiting, (count) => count === 0)
    }))
})
