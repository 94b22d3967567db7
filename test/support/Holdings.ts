import { NodeHttpServer } from "@effect/platform-node"
import { Effect, Layer, Predicate, Schema } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApi, HttpApiBuilder } from "effect/http-api"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { createServer } from "node:http"
import { EventsApi, type EventSummary } from "../../src/Admin/Api/Events.ts"
import { NotFound } from "../../src/Admin/Api/Problems.ts"
import { ConversationAnswer, ConversationsApi, ScanAnswer, ScansApi } from "../../src/Admin/Api/ReadModels.ts"
import type { ListQuery } from "../../src/Admin/Api/RowQueries.ts"
import { type ConsumerAnswer, ConsumersApi } from "../../src/Admin/Api/Status.ts"
import { Validation } from "../../src/Admin/Api/Validation.ts"
import { AdminClient } from "../../src/Admin/Client.ts"
import { layer as validation } from "../../src/Admin/Validation.ts"
import { decodeDelivery } from "../../src/Domain/Decode.ts"
import type { Arrival } from "./Receiver.ts"

/** The part of the private listener's contract that a comparison uses. */
class Api extends HttpApi.make("threeqpr-events")
  .add(ScansApi, ConversationsApi, EventsApi, ConsumersApi)
  .middleware(Validation)
{}

/** The data of a receiver, served by a private listener with the real contract. */
export interface Holdings {
  created: string
  events: Array<EventSummary>
  scans: Array<typeof ScanAnswer.Type>
  conversations: Array<typeof ConversationAnswer.Type>
  consumers: Array<ConsumerAnswer>
  /** Ids of rows that the lists omit. */
  hidden: Set<string>
  /** Called before each list of consumers. */
  onPoll: () => void
}

export const nothing = (): Holdings => ({
  created: "2026-03-20T00:00:00Z",
  events: [summaryOf("{\"id\":\"evt_older\",\"event\":\"menu.opened\"}", 1)],
  scans: [],
  conversations: [],
  consumers: [],
  hidden: new Set(),
  onPoll: () => {}
})

/** Adds what was answered 200, each body once, as a correct receiver would. */
export const take = (holdings: Holdings, arrivals: ReadonlyArray<Arrival>) => {
  const bodies = new Set(
    arrivals.filter(({ response }) => response.statusCode === 200).map(({ body }) => body)
  )
  for (const body of bodies) {
    holdings.events.push(summaryOf(body, holdings.events.length * 2 + 1))
    const reading = decodeDelivery(Buffer.from(body))
    if (reading._tag === "Unusable") continue
    const { data, type } = reading
    if (!Predicate.isObject(data)) continue
    if (type === "scan.created") holdings.scans.push(scanOf(data))
    if (type === "conversation.completed") holdings.conversations.push(conversationOf(data))
  }
  for (const name of ["scans-1", "conversations-1"]) holdings.consumers.push(consumer(name, 0))
}

export const consumer = (name: string, lag: number): ConsumerAnswer => ({
  name,
  filter: "3qpr.events.>",
  lag,
  lag_seconds: lag,
  in_flight: 0,
  redelivered: 0,
  finished_to: 0
})

/** A real HTTP server that serves this data. */
export const server = (holdings: Holdings) =>
  HttpRouter.serve(
    HttpApiBuilder.layer(Api).pipe(
      Layer.provide(Layer.mergeAll(events(holdings), rows(holdings), consumers(holdings))),
      Layer.provide(validation)
    ),
    { disableLogger: true, disableListenLog: true }
  ).pipe(Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })))

/** The address of that server. */
export const url = Effect.map(HttpServer.HttpServer, ({ address }) => HttpServer.formatAddress(address))

/** The typed client of a server with this data. */
export const client = (holdings: Holdings) =>
  Layer.unwrap(Effect.map(url, (url) => AdminClient.layer({ url }))).pipe(Layer.provide(server(holdings)))

const scanOf = Schema.decodeUnknownSync(ScanAnswer)
const conversationOf = Schema.decodeUnknownSync(ConversationAnswer)

const summaryOf = (body: string, sequence: number): EventSummary => {
  const bytes = Buffer.from(body)
  const reading = decodeDelivery(bytes)
  const sha256 = createHash("sha256").update(bytes).digest("hex")
  return {
    sequence,
    id: reading.id ?? `sha256:${sha256}`,
    type: reading.type,
    quarantined: reading._tag === "Event" ? null : reading.reason,
    received_at: "2026-03-20T12:00:00Z",
    size: bytes.length,
    sha256
  }
}

const events = (holdings: Holdings) =>
  HttpApiBuilder.group(Api, "events", (handlers) =>
    handlers.handleAll({
      list: ({ query: { after = 0, limit = 50 } }) => {
        const sequences = holdings.events.map(({ sequence }) => sequence)
        // Pages can be smaller than requested, as with large events.
        const found = holdings.events.filter(({ sequence }) => sequence > after).slice(0, Math.min(limit, 70))
        const cursor = found.at(-1)?.sequence ?? after
        const last = Math.max(...sequences)
        return Effect.succeed({
          events: found,
          cursor,
          more: cursor < last,
          log: { created: holdings.created, first_sequence: 1, last_sequence: last }
        })
      },
      get: () => Effect.fail(new NotFound({ detail: "not needed here" }))
    }))

const rows = (holdings: Holdings) => {
  const list = <R extends { readonly id: string }>(
    rows: Array<R>,
    at: (row: R) => string,
    query: ListQuery
  ) => {
    const { limit = 50, offset = 0, since = "0", until = "9" } = query
    const found = rows.filter((row) => !holdings.hidden.has(row.id) && at(row) >= since && at(row) < until)
      .sort((a, b) => at(b).localeCompare(at(a)))
    return { rows: found.slice(offset, offset + limit), total: found.length, limit, offset }
  }
  const get = <R extends { readonly id: string }>(rows: ReadonlyArray<R>, id: string) => {
    const row = rows.find((row) => row.id === id)
    return row === undefined ? Effect.fail(new NotFound({ detail: id })) : Effect.succeed(row)
  }
  return Layer.mergeAll(
    HttpApiBuilder.group(Api, "scans", (handlers) =>
      handlers.handleAll({
        list: ({ query }) => {
          const { rows, ...page } = list(holdings.scans, ({ scanned_at }) => scanned_at, query)
          return Effect.succeed({ scans: rows, ...page, next_cursor: null })
        },
        get: ({ params }) => get(holdings.scans, params.id)
      })),
    HttpApiBuilder.group(Api, "conversations", (handlers) =>
      handlers.handleAll({
        list: ({ query }) => {
          const { rows, ...page } = list(holdings.conversations, (row) => row.completed_at, query)
          return Effect.succeed({ conversations: rows, ...page, next_cursor: null })
        },
        get: ({ params }) => get(holdings.conversations, params.id)
      }))
  )
}

const consumers = (holdings: Holdings) =>
  HttpApiBuilder.group(Api, "consumers", (handlers) =>
    handlers.handleAll({
      list: () => {
        holdings.onPoll()
        return Effect.succeed({ consumers: holdings.consumers })
      }
    }))
