import { Effect, Layer } from "effect"
import { FetchHttpClient, HttpServer } from "effect/http"
import { Buffer } from "node:buffer"
import * as Admin from "../../src/Admin/Admin.ts"
import { AdminClient } from "../../src/Admin/Client.ts"
import type { Delivered } from "../../src/EventLog/Delivered.ts"
import { EventLog } from "../../src/EventLog/EventLog.ts"
import { eventSubject } from "../../src/EventLog/Names.ts"
import { Operations } from "../../src/EventLog/Operations.ts"
import { ProcessHealth } from "../../src/Process/ProcessHealth.ts"
import { entryOf } from "../contract/EventLog.ts"
import { postgres } from "./Databases.ts"
import { consumersOnBroker } from "./Log.ts"

/** A private listener with its own broker and database, and a client of it. */
export const listenerAndClient = Layer.unwrap(
  Effect.map(
    HttpServer.HttpServer,
    ({ address }) => AdminClient.layer({ url: HttpServer.formatAddress(address) })
  )
).pipe(
  Layer.provide(FetchHttpClient.layer),
  Layer.provideMerge(
    Admin.layer({ host: "127.0.0.1", port: 0 }).pipe(
      Layer.provideMerge(Operations.layer),
      Layer.provideMerge(Layer.mergeAll(consumersOnBroker, ProcessHealth.layer)),
      Layer.provideMerge(postgres.layer)
    )
  )
)

/** Appends an event to the log, and returns it as a consumer receives it. */
export const append = Effect.fnUntraced(function*(id: string, body: string, type = "scan.created") {
  const log = yield* EventLog
  const entry = entryOf(id, { subject: eventSubject(type), type, body: Buffer.from(body) })
  const { sequence } = yield* log.append(entry)
  const event: Delivered = {
    id,
    type,
    sequence,
    body: entry.body,
    receivedAt: "2026-03-20T15:30:00.000Z",
    deliveries: 1,
    subject: entry.subject,
    headers: [["ce-id", id], ["ce-type", type], ["3qpr-signature", entry.signature]]
  }
  return event
})
