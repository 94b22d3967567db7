import { Effect, Option, Schedule, Schema } from "effect"
import type { JetStreamManager } from "nats"
import { Buffer } from "node:buffer"
import type { DeadLetters } from "../EventLog/DeadLetters.ts"
import { type DeadLetter, eventOf } from "../EventLog/DeadLetters/Letter.ts"
import { type Delivered, idOf } from "../EventLog/Delivered.ts"
import { redriveStream, redriveSubject, stream } from "../EventLog/Names.ts"
import type { Operations } from "../EventLog/Operations.ts"
import { entryAt } from "../EventLog/Reader.ts"
import type { Message } from "../Nats/Message.ts"
import type { Nats } from "../Nats/Nats.ts"
import type { Tracing } from "../Process/Telemetry/Tracing.ts"
import type { RedriveOptions } from "./ConsumerOptions.ts"
import * as Durable from "./Durable.ts"
import { type Outcome, retryAfter } from "./Outcome.ts"

/** A request to deliver an event to one consumer again. */
export const Request = Schema.Struct({
  operation: Schema.String,
  /** The id of the dead letter: `<consumer>:<sequence>`. */
  id: Schema.String
})
export type Request = typeof Request.Type

/** How long an instance may take for a batch of requests, in milliseconds. */
const redriveAckWait = 30_000

/** Maximum number of redrives per batch. */
const maxRedrives = 50

/** Delay before a request that could not be settled is retried, in milliseconds. */
const tryAgain = 5_000

/** The connection and the services that redrives need. */
export interface RedriveParts {
  readonly nats: Nats["Service"]
  readonly manager: JetStreamManager
  readonly deadLetters: DeadLetters["Service"]
  readonly operations: Operations["Service"]
  readonly tracing: Tracing | undefined
}

/** Decides when a batch of messages is handled. */
export type RunBatch = (
  messages: ReadonlyArray<Message>,
  handle: Effect.Effect<void>
) => Effect.Effect<void>

/** Handles the events that operators redrive to a consumer, when `runBatch` runs them. */
export const runRedrives = (parts: RedriveParts, options: RedriveOptions, runBatch: RunBatch) => {
  const { durable, hold, maxBatch, pause, wanted } = options
  return Durable.run(parts.nats, parts.manager, {
    durable,
    hold,
    pause,
    wanted,
    stream: redriveStream,
    filter: redriveSubject(durable, "*"),
    maxBatch: Math.min(maxBatch, maxRedrives),
    ackWait: redriveAckWait,
    handle: (messages) => runBatch(messages, redrive(parts, options, messages))
  }).pipe(
    Effect.tapError(({ message, permitted }) =>
      permitted ? Effect.logWarning(`redrives stay queued and are retried: ${message}`) : Effect.void
    ),
    // A broker that is unreachable at this point must not end a consumer that is already running.
    Effect.retry({ while: ({ permitted }) => permitted, schedule: Schedule.spaced("1 second") }),
    Effect.catchIf(({ permitted }) => !permitted, withoutRedrives)
  )
}

/** Without permission to read the redrive stream, keeps consuming; pending redrives stay queued. */
const withoutRedrives = ({ message }: Durable.ConsumerUnavailable) =>
  Effect.andThen(Effect.logWarning(`dead letters cannot be redriven: ${message}`), Effect.never)

/**
 * Handles requests like deliveries. The event is read from the log by its sequence, or from the dead letter when the
 * log no longer has it. When it is handled, its dead letter is removed. When it fails again, the dead letter gets the
 * new error. The success is recorded before the dead letter is removed, so that an interruption at any line leads to
 * the same result.
 */
const redrive = Effect.fnUntraced(
  function*(parts: RedriveParts, options: RedriveOptions, messages: ReadonlyArray<Message>) {
    const { deadLetters, tracing } = parts
    const found: Array<Found> = []
    for (const message of messages) {
      const request = requestOf(message.msg.data)
      if (request === undefined) message.term()
      else {
        const one = yield* orAgain([message], find(parts, options.durable, message, request))
        if (one !== undefined) found.push(one)
      }
    }
    if (found.length === 0) return
    const events = found.map(({ event }) => event)
    const handle = handleAll(parts, options, found, events)
    const handled = yield* tracing?.batch(stream, options.durable, events)(handle) ?? handle
    if (handled.length === 0) return
    const removed = Effect.as(deadLetters.remove(handled.map(({ letter }) => letter)), true)
    if (yield* orAgain(handled.map(({ message }) => message), removed)) {
      for (const { message } of handled) message.ack()
    }
  }
)

interface Found {
  readonly message: Message
  readonly request: Request
  readonly letter: DeadLetter
  readonly event: Delivered
}

/** Finds the dead letter and the event of a request. Without them, records that the event is gone. */
const find = Effect.fnUntraced(
  function*(parts: RedriveParts, durable: string, message: Message, request: Request) {
    const { deadLetters, operations } = parts
    const letter = Option.getOrUndefined(
      Option.filter(yield* deadLetters.find(request.id), ({ consumer }) => consumer === durable)
    )
    const event = letter && (yield* eventFor(parts, letter))
    if (letter && event) return { message, request, letter, event: { ...event, redriven: true } }
    yield* operations.record(request.operation, request.id, "gone")
    message.ack()
  }
)

const eventFor = Effect.fnUntraced(function*({ deadLetters, manager }: RedriveParts, letter: DeadLetter) {
  const logged = Option.getOrUndefined(yield* entryAt(manager, stream, letter.sequence))
  // Another id means a new log, whose sequences have started again.
  if (logged && idOf(logged) === letter.eventId) {
    return eventOf(letter, logged.body)
  }
  return Option.getOrUndefined(
    Option.map(yield* deadLetters.bodyOf(letter), (body) => eventOf(letter, body))
  )
})

const handleAll = Effect.fnUntraced(function*(
  parts: RedriveParts,
  options: RedriveOptions,
  found: ReadonlyArray<Found>,
  events: ReadonlyArray<Delivered>
) {
  const outcomes = yield* options.handle(events)
  const handled: Array<Found> = []
  for (const [index, one] of found.entries()) {
    const outcome = outcomes[index] ?? retryAfter(1_000)
    if (yield* orAgain([one.message], settle(parts, options.durable, one, outcome))) handled.push(one)
  }
  return handled
})

/**
 * Records the outcome and answers the message. True when the event was handled: its dead letter is removed before the
 * ack.
 */
const settle = Effect.fnUntraced(function*(
  { deadLetters, operations }: RedriveParts,
  durable: string,
  { event, letter, message, request: { id, operation } }: Found,
  outcome: Outcome
) {
  switch (outcome._tag) {
    case "Ack":
      yield* operations.record(operation, id, "applied")
      return true
    case "RetryAfter":
      message.nak(outcome.millis)
      return false
    case "DeadLetter":
      yield* deadLetters.put(durable, event, outcome.error, letter)
      yield* operations.record(operation, id, "dead", outcome.error)
      message.ack()
      return false
  }
})

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

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Request))

/** Decodes a request; undefined for a message that another program has put into the stream. */
export const requestOf = (body: Uint8Array) =>
  Option.getOrUndefined(decode(Buffer.from(body).toString("utf8")))
