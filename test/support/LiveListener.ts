import { Context, Effect, Layer } from "effect"
import { FetchHttpClient, HttpServer } from "effect/http"
import * as Admin from "../../src/Admin/Admin.ts"
import { AdminClient } from "../../src/Admin/Client.ts"
import { EventLog } from "../../src/EventLog/EventLog.ts"
import { eventSubject } from "../../src/EventLog/Names.ts"
import { ProcessHealth } from "../../src/Process/ProcessHealth.ts"
import { entryOf } from "../contract/EventLog.ts"
import { postgres } from "./Databases.ts"
import { live } from "./LiveStream.ts"
import { consumersOnBroker } from "./Log.ts"

/** The address of the private listener. */
export class Url extends Context.Service<Url, string>()("test/Url") {}

/** A private listener on a broker and a Postgres, with its typed client. */
export const listener = Layer.unwrap(
  Effect.map(HttpServer.HttpServer, ({ address }) => {
    const url = HttpServer.formatAddress(address)
    return Layer.merge(AdminClient.layer({ url }), Layer.succeed(Url, url))
  })
).pipe(
  Layer.provide(FetchHttpClient.layer),
  Layer.provideMerge(Admin.layer({ host: "127.0.0.1", port: 0 })),
  Layer.provideMerge(Layer.mergeAll(consumersOnBroker, ProcessHealth.layer)),
  Layer.provideMerge(postgres.layer)
)

/** Connects a client to the live stream. */
export const connect = (options?: Parameters<typeof live>[1]) =>
  Effect.flatMap(Url, (url) => live(url, options))

export const append = Effect.fnUntraced(function*(id: string, type = "scan.created") {
  return yield* (yield* EventLog).append(entryOf(id, { subject: eventSubject(type), type }))
})

export const appendMany = (prefix: string, count: number) =>
  Effect.forEach(Array.from({ length: count }), (_, index) => append(`${prefix}_${index}`), {
    concurrency: 100
  })
