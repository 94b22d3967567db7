// Runs: long, node first

import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted } from "effect"
import { Database } from "../../src/Database/Database.ts"
import * as JetStream from "../../src/EventLog/JetStream.ts"
import { Nats } from "../../src/Nats/Nats.ts"
import { newStores } from "../support/Databases.ts"
import { send } from "../support/Http.ts"
import { test } from "../support/Live.ts"
import { topology } from "../support/Log.ts"
import * as NatsProcess from "../support/NatsProcess.ts"
import { kill } from "../support/Processes.ts"
import { append } from "../support/Projecting.ts"
import { serve } from "../support/Serve.ts"
import { rowsOf } from "../support/Specification.ts"
import { scanCreated } from "../support/Webhook.ts"

const events = 10_000

interface Page {
  readonly changes: ReadonlyArray<{
    readonly kind: string
    readonly key: { readonly id: string } | null
    readonly sequence: number | null
  }>
  readonly cursor: string
}

describe("the change feed", () => {
  test(
    "announces every changed row to a listener that reconnects, while projectors are killed",
    Effect.gen(function*() {
      const nats = yield* NatsProcess.start()
      const stores = yield* newStores
      const environment = { ...stores, NATS_URL: nats.url, NATS_TOKEN: nats.token }
      const { admin } = yield* serve(environment, ["--role", "admin"])
      const latest = new Map<string, number>()
      let cursor = "0-0"
      const kinds = new Set<string>()
      const listen = Effect.gen(function*() {
        const { body, status } = yield* send(`${admin}/v1/changes?after=${cursor}&wait=2&projection=scans`)
        assert.strictEqual(status, 200)
        const page = body as Page
        for (const { key, kind, sequence } of page.changes) {
          kinds.add(kind)
          if (key !== null) latest.set(key.id, Math.max(latest.get(key.id) ?? 0, sequence ?? 0))
        }
        cursor = page.cursor
        return page.changes.length
      })
      const history = Effect.forEach(
        Array.from({ length: events }, (_, index) => index),
        (index) =>
          append(`evt_${index}`, scanCreated(`evt_${index}`, { id: `scan_${(index * 7919) % 3_000}` })),
        { concurrency: 100, discard: true }
      )
      yield* Effect.gen(function*() {
        const writing = yield* Effect.forkChild(history)
        const killing = yield* Effect.forkChild(Effect.gen(function*() {
          for (let round = 0; round < 8; round++) {
            const { pid } = yield* serve(environment, ["--role", "projector"])
            yield* Effect.sleep(`${200 + round * 150} millis`)
            if (round < 6) yield* kill(pid)
          }
        }))
        // A killed projector's unacknowledged events are delivered again after the ack wait.
        const count = rowsOf("select count(*)::int as applied from scans_applied_1")
        while (
          (yield* listen) > 0 || writing.pollUnsafe() === undefined || killing.pollUnsafe() === undefined
          || (yield* count)[0]?.["applied"] !== events
        ) {
          // A listener that reconnects continues with its last cursor.
        }
        yield* Fiber.join(writing)
        yield* Fiber.join(killing)
        while ((yield* listen) > 0) continue
        const rows = yield* rowsOf("select id, sequence from scans order by id")
        assert.strictEqual(rows.length, 3_000)
        for (const { id, sequence } of rows) assert.strictEqual(latest.get(String(id)), sequence, String(id))
        assert.deepStrictEqual([...kinds], ["changed"])
      }).pipe(Effect.provide(
        Layer.mergeAll(
          Database.layer({ url: Redacted.make(stores.DATABASE_URL), dataDir: "" }),
          JetStream.layer({ ...topology, syncsBeforeAck: false }).pipe(
            Layer.provideMerge(Nats.layer({ servers: [nats.url], token: Redacted.make(nats.token) }))
          )
        )
      ))
    }),
    300_000
  )
})
