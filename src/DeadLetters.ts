import { Context, DateTime, Effect, Layer } from "effect"
import { Buffer } from "node:buffer"
import type { Delivered } from "./Consumer/Delivered.ts"
import { AppendFailed, type ReadFailed, type Stored } from "./EventLog.ts"
import { Publisher } from "./EventLog/Publisher.ts"
import { reading } from "./EventLog/Reader.ts"
import { deadLetterStream } from "./EventLog/Topology.ts"
import { Nats } from "./Nats.ts"

/** Events that one consumer can never handle, kept aside with the error, in a stream of their own. */
export class DeadLetters extends Context.Service<DeadLetters, {
  /**
   * Keeps an event aside for a consumer, once however often it is called. The dead letter holds the
   * original bytes and headers, and says in `3qpr-dead-*` which consumer, which sequence, how many
   * deliveries, when and why.
   */
  readonly put: (
    consumer: string,
    event: Delivered,
    error: string
  ) => Effect.Effect<Stored, AppendFailed>
  /** How many there are. */
  readonly count: Effect.Effect<number, ReadFailed>
}>()("threeqpr-events/DeadLetters") {
  static readonly layer = Layer.effect(DeadLetters, Effect.suspend(() => make()))
}

const make = Effect.fnUntraced(function*() {
  const nats = yield* Nats
  const publisher = yield* Effect.acquireRelease(
    Effect.sync(() => new Publisher(nats, deadLetterStream)),
    (publisher) => Effect.sync(() => publisher.close())
  )
  yield* nats.onChange((connected) => connected || publisher.disconnected())

  const put = Effect.fn("DeadLetters.put")(function*(consumer: string, event: Delivered, error: string) {
    const now = DateTime.formatIso(yield* DateTime.now)
    yield* Effect.logError(
      `event ${event.id} (sequence ${event.sequence}) is a dead letter of ${consumer}: ${error}`
    )
    return yield* Effect.callback<Stored, AppendFailed>((resume) =>
      publisher.publish(
        {
          subject: `3qpr.dead.${consumer}.${event.type}`,
          headers: [
            ...event.headers.filter(([name]) => !name.startsWith("Nats-")),
            ["Nats-Msg-Id", `${consumer}:${event.sequence}`],
            ["3qpr-dead-consumer", consumer],
            ["3qpr-dead-sequence", String(event.sequence)],
            ["3qpr-dead-subject", event.subject],
            ["3qpr-dead-deliveries", String(event.deliveries)],
            ["3qpr-dead-at", now],
            ["3qpr-dead-error", asHeader(error)]
          ],
          body: event.body
        },
        (outcome) => resume(outcome instanceof AppendFailed ? Effect.fail(outcome) : Effect.succeed(outcome))
      )
    )
  })

  const manager = yield* Effect.promise(() => nats.connection.jetstreamManager({ checkAPI: false }))
  const count = Effect.map(
    reading(() => manager.streams.info(deadLetterStream)),
    ({ state }) => state.messages
  )

  return DeadLetters.of({ put, count })
})

// A header is one line of bounded length; the client writes it as UTF-8.
const asHeader = (text: string) =>
  Buffer.from(text.replace(/\s+/g, " ").trim()).subarray(0, 2_000).toString("utf8").replace(/\uFFFD$/, "")
