import { Effect } from "effect"
import { Buffer } from "node:buffer"
import { redriveSubject, type Request } from "../Consumer/Redrives.ts"
import { parseId } from "../DeadLetters/Letter.ts"
import { AppendFailed, type Stored } from "../EventLog.ts"
import { Publisher } from "../EventLog/Publisher.ts"
import { redriveStream } from "../EventLog/Topology.ts"
import { Nats } from "../Nats.ts"
import type { Work } from "./Runner.ts"

/** Asks consumers to handle the events of their dead letters once more; they record the outcomes. */
export const make = Effect.gen(function*() {
  const nats = yield* Nats
  const publisher = yield* Effect.acquireRelease(
    Effect.sync(() => new Publisher(nats, redriveStream)),
    (publisher) => Effect.sync(() => publisher.close())
  )
  yield* nats.onChange((connected) => connected || publisher.disconnected())

  const ask = (request: Request, consumer: string) =>
    Effect.callback<Stored, AppendFailed>((resume) =>
      publisher.publish(
        {
          subject: redriveSubject(consumer, request.operation),
          headers: [["Nats-Msg-Id", `${request.operation}:${request.id}`]],
          body: Buffer.from(JSON.stringify(request))
        },
        (outcome) => resume(outcome instanceof AppendFailed ? Effect.fail(outcome) : Effect.succeed(outcome))
      )
    )

  const work: Work = {
    run: (operation, ids) =>
      Effect.as(
        Effect.forEach(ids, (id) => {
          const consumer = parseId(id)?.consumer
          return consumer === undefined
            ? Effect.void
            : Effect.asVoid(ask({ operation: operation.id, id }, consumer))
        }, { concurrency: "unbounded", discard: true }),
        []
      ),
    finish: () => Effect.void
  }
  return work
})
