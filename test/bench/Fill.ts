import { Context, Effect, Layer, Redacted } from "effect"
import { headers } from "nats"
import { Buffer } from "node:buffer"
import { EventLog } from "../../src/EventLog/EventLog.ts"
import * as JetStream from "../../src/EventLog/JetStream.ts"
import { Nats } from "../../src/Nats/Nats.ts"
import { entryOf } from "../contract/EventLog.ts"
import type * as System from "../support/Faults/System.ts"
import { topology } from "../support/Log.ts"
import { scanOfTheReference } from "../support/Webhook.ts"

/** The body of scan number `at`. The scans belong to 200 codes and are one second apart. */
export const bodyOf = (id: string, at: number) =>
  Buffer.from(JSON.stringify({
    id,
    event: "scan.created",
    data: {
      ...scanOfTheReference,
      id: `scan_${id}`,
      qpr_code_id: `qpr_${at % 200}`,
      scanned_at: new Date(1_774_000_000_000 + at * 1_000).toISOString()
    }
  }))

/** Appends `size` scans directly to the event log of a system, without its receivers. The first is number `from`. */
export const fill = Effect.fnUntraced(function*({ broker }: System.System, size: number, from = 0) {
  const log = yield* Layer.build(
    JetStream.layer(topology).pipe(
      Layer.provide(Nats.layer({ servers: [broker.url], token: Redacted.make(broker.token) }))
    )
  )
  const { append } = Context.get(log, EventLog)
  yield* Effect.forEach(Array.from({ length: size }, (_, at) => from + at), (at) => {
    const id = `evt_old_${at}`
    return append(entryOf(id, { body: bodyOf(id, at) })).pipe(Effect.retry({ times: 20 }))
  }, { concurrency: 400, discard: true })
}, Effect.scoped)

/** Appends scans without `Nats-Msg-Id`, as if they were older than the broker's deduplication window. */
export const fillOld = Effect.fnUntraced(function*({ broker }: System.System, size: number, from = 0) {
  const { connection } = yield* Nats.pipe(
    Effect.provide(
      yield* Layer.build(Nats.layer({ servers: [broker.url], token: Redacted.make(broker.token) }))
    )
  )
  const jetstream = connection.jetstream()
  yield* Effect.forEach(Array.from({ length: size }, (_, at) => from + at), (at) => {
    const id = `evt_old_${at}`
    const own = headers()
    own.append("ce-id", id)
    own.append("ce-type", "scan.created")
    return Effect.tryPromise(() =>
      jetstream.publish("3qpr.events.scan.created", bodyOf(id, at), { headers: own })
    ).pipe(Effect.retry({ times: 20 }))
  }, { concurrency: 400, discard: true })
}, Effect.scoped)
