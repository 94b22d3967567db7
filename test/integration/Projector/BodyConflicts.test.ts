// Runs: node first

import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import { AdminClient } from "../../../src/Admin/Client.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import { scans } from "../../../src/Projector/Projections/Scans.ts"
import * as Projector from "../../../src/Projector/Projector.ts"
import { entryOf } from "../../contract/EventLog.ts"
import { listenerAndClient } from "../../support/DeadLetters.ts"
import { append, rebuilt, untilCount } from "../../support/Projecting.ts"
import { until } from "../../support/Until.ts"
import { scanCreated } from "../../support/Webhook.ts"

const running = Projector.layer([scans]).pipe(Layer.provideMerge(listenerAndClient))

layer(running, { excludeTestServices: true })(
  "an id that is stored again after the deduplication window",
  (it) => {
    it.effect("is compared once with the applied event, and counted if its body differs", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const sql = yield* SqlClient
        const { status } = yield* AdminClient
        const again = (id: string, body: string, dedupId: string) =>
          log.append(entryOf(id, { dedupId, body: Buffer.from(body) }))
        yield* append("evt_1", scanCreated("evt_1"))
        yield* append("evt_2", scanCreated("evt_2"))
        yield* untilCount("scans", 2)
        const same = yield* again("evt_1", scanCreated("evt_1"), "later 1")
        const other = yield* again("evt_2", scanCreated("evt_2", { country: "DE" }), "later 2")
        const bodies = sql<{ readonly sequence: number; readonly body: string | null }>`
        select distinct sequence::int as sequence, body from repeated order by 1`
        yield* until(
          "both are compared",
          bodies,
          (rows) => rows.length === 2 && rows.every(({ body }) => body !== null)
        )
        assert.deepStrictEqual(yield* bodies, [
          { sequence: same.sequence, body: "same" },
          { sequence: other.sequence, body: "other" }
        ])
        assert.strictEqual((yield* status.get()).conflicts, 1)
        assert.strictEqual((yield* rebuilt("scans"))?.state, "switched")
        assert.strictEqual((yield* status.get()).conflicts, 1)
      }))
  }
)
