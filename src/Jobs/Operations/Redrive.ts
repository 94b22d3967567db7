import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { Buffer } from "node:buffer"
import type { Request } from "../../Consumer/Redrives.ts"
import { parseId } from "../../EventLog/DeadLetters/Letter.ts"
import { redriveStream, redriveSubject } from "../../EventLog/Names.ts"
import { Operations } from "../../EventLog/Operations.ts"
import { makePublisher } from "../../EventLog/Publisher.ts"
import { managerOf } from "../../Nats/Manager.ts"
import { Nats } from "../../Nats/Nats.ts"
import { endIfGone } from "./EndIfGone.ts"
import type { Work } from "./Work.ts"

/** Requests that consumers handle the events of their dead letters again. The consumers record the outcomes. */
export const make = Effect.gen(function*() {
  const nats = yield* Nats
  const operations = yield* Operations
  const sql = yield* SqlClient
  const manager = yield* managerOf(nats)
  const publish = yield* makePublisher(redriveStream)

  const ask = (request: Request, consumer: string) =>
    publish({
      subject: redriveSubject(consumer, request.operation),
      headers: [["Nats-Msg-Id", `${request.operation}:${request.id}`]],
      body: Buffer.from(JSON.stringify(request))
    })

  const work: Work = {
    run: (operation, ids) =>
      Effect.gen(function*() {
        const byConsumer = Map.groupBy(ids, (id) => parseId(id)?.consumer ?? "")
        for (const [consumer, own] of byConsumer) {
          yield* Effect.forEach(own, (id) => ask({ operation: operation.id, id }, consumer), {
            concurrency: "unbounded",
            discard: true
          })
          // Checked after the requests are published. If the consumer is deleted later, its deletion ends them.
          yield* endIfGone(manager, consumer)
        }
        return []
      }).pipe(Effect.provideService(Operations, operations), Effect.provideService(SqlClient, sql)),
    finish: () => Effect.void
  }
  return work
})
