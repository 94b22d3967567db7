import { Effect, Option, Schema } from "effect"
import type { JetStreamManager } from "nats"
import { Buffer } from "node:buffer"
import { DeadLetters } from "../EventLog/DeadLetters.ts"
import { type DeadLetter, eventOf } from "../EventLog/DeadLetters/Letter.ts"
import { type Delivered, idOf } from "../EventLog/Delivered.ts"
import { stream } from "../EventLog/Names.ts"
import { Operations } from "../EventLog/Operations.ts"
import { entryAt } from "../EventLog/Reader.ts"
import type { Message } from "../Nats/Message.ts"
import { Tracing } from "../Process/Telemetry/Tracing.ts"
import type { RedriveOptions } from "./ConsumerOptions.ts"
import type { Outcome } from "./Outcome.ts"

/** A request to deliver an event to one consumer again. */
export const Request = Schema.Struct({
  operation: Schema.String,
  /** The id of the dead letter: `<consumer>:<sequence>`. */
  id: Schema.String
})
export type Request = typeof Request.Type

/** How long an instance may take for a batch of requests, in milliseconds. */
export const redriveAckWait = 30_000

/** Delay before a request that could not be settled is retried, in milliseconds. */
const tryAgain = 5_000

/**
 * Handles requests like deliveries. The event is read from the log by its sequence, or from the dead letter when the
 * log no longer has it. When it is handled, its dead letter is removed. When it fails again, the dead letter gets the
 * new error. The success is recorded before the dead letter is removed, so that an interruption at any line leads to
 * the same result.
 */
export const handleRedrives = Effect.fnUntraced(
  function*(manager: JetStreamManager, options: RedriveOptions) {
    const deadLetters = yield* DeadLetters
    const operations = yield* Operations
    const tracing = yield* Tracing

    const eventFor = Effect.fnUntraced(function*(letter: DeadLetter) {
      const logged = Option.getOrUndefined(yield* entryAt(manager, stream, letter.sequence))
      // Another id means a new log, whose sequences have started again.
      if (logged && idOf(logged) === letter.eventId) {
        return eventOf(letter, logged.body)
      }
      return Option.getOrUndefined(
        Option.map(yield* deadLetters.bodyOf(letter), (body) => eventOf(letter, body))
      )
    })

    /**
     * Records the outcome and answers the message. True when the event was handled: its dead letter is removed before
     * the ack.
     */
    const settle = Effect.fnUntraced(function*({ event, letter, message, request }: Found, outcome: Outcome) {
      const { id, operation } = request
      switch (outcome._tag) {
        case "Ack":
          yield* operations.record(operation, id, "applied")
          return true
        case "RetryAfter":
          message.nak(outcome.millis)
          return false
        case "DeadLetter":
          yield* deadLetters.put(options.durable, event, outcome.error, letter)
          yield* operations.record(operation, id, "dead", outcome.error)
          message.ack()
          return false
      }
    })

    const handleAll = Effect.fnUntraced(
      function*(found: ReadonlyArray<Found>, events: ReadonlyArray<Delivered>) {
        const outcomes = yield* options.handle(events)
        const handled: Array<Found> = []
        for (const [index, one] of found.entries()) {
          const outcome = outcomes[index] ?? { _tag: "RetryAfter", millis: 1_000 }
          if (yield* orAgain([one.message], settle(one, outcome))) handled.push(one)
        }
        return handled
      }
    )

    const find = Effect.fnUntraced(function*(message: Message, request: Request) {
      const letter = Option.getOrUndefined(
        Option.filter(yield* deadLetters.find(request.id), ({ consumer }) => consumer === options.durable)
      )
      const event = letter && (yield* eventFor(letter))
      if (letter && event) return { message, request, letter, event: { ...event, redriven: true } }
      yield* operations.record(request.operation, request.id, "gone")
      message.ack()
    })

    return Effect.fnUntraced(function*(messages: ReadonlyArray<Message>) {
      const found: Array<Found> = []
      for (const message of messages) {
        const request = requestOf(message.msg.data)
        if (request === undefined) message.term()
        else found.push(...arrayOf(yield* orAgain([message], find(message, request))))
      }
      if (found.length === 0) return
      const events = found.map(({ event }) => event)
      const handle = handleAll(found, events)
      const handled = yield* tracing?.batch(stream, options.durable, events)(handle) ?? handle
      if (handled.length === 0) return
      const removed = Effect.as(deadLetters.remove(handled.map(({ letter }) => letter)), true)
      if (yield* orAgain(handled.map(({ message }) => message), removed)) {
        for (const { message } of handled) message.ack()
      }
    })
  }
)

interface Found {
  readonly message: Message
  readonly request: Request
  readonly letter: DeadLetter
  readonly event: Delivered
}

const orAgain = <A, E extends { readonly message: string }>(
  messages: ReadonlyArray<Message>,
  effect: Effect.Effect<A, E>
) =>
  Effect.catch(effect, (failure) => {
    for (const message of messages) message.nak(tryAgain)
    return Effect.as(
      Effect.logWarning(`redrive failed, next attempt in 5 s: ${failure.message}`),
      undefined
    )
  })

const arrayOf = <A>(value: A | undefined) => value === undefined ? [] : [value]

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Request))

/** Decodes a request; undefined for a message that another program has put into the stream. */
export const requestOf = (body: Uint8Array) =>
  Option.getOrUndefined(decode(Buffer.from(body).toString("utf8")))
