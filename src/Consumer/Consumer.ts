/**
 * Room `Consumer`: durable consumers, the public `subscribe`, ordered groups.
 *
 * Promises: Each event reaches its handler at least once, and is acknowledged afterwards. A poison event becomes a
 * dead letter, and its neighbours continue.
 *
 * May use: `Domain`, `Process`, `Nats`, `EventLog`.
 */
import { Context, Effect, Layer, Semaphore } from "effect"
import { DeadLetters } from "../EventLog/DeadLetters.ts"
import { type Delivered, deliveredOf } from "../EventLog/Delivered.ts"
import type { AppendFailed, ReadFailed } from "../EventLog/EventLog.ts"
import { redriveStream, stream } from "../EventLog/Names.ts"
import { Operations } from "../EventLog/Operations.ts"
import { reading } from "../EventLog/Reader.ts"
import { managerOf } from "../Nats/Manager.ts"
import type { Message } from "../Nats/Message.ts"
import { Nats } from "../Nats/Nats.ts"
import { Tracing } from "../Process/Telemetry/Tracing.ts"
import { type ConsumerLag, standing, standingOf, standings } from "./ConsumerLag.ts"
import type { ConsumerOptions, RedriveOptions } from "./ConsumerOptions.ts"
import * as Durable from "./Durable.ts"
import { faultsOf } from "./DurableFaults.ts"
import { endRedrives } from "./EndRedrives.ts"
import { type Outcome, retryAfter } from "./Outcome.ts"
import { putAgain, putLetter } from "./PutLetter.ts"
import { type RedriveParts, type RunBatch, runRedrives } from "./Redrives.ts"

/** The settings and the progress of a durable consumer. */
export interface Inspected extends ConsumerLag {
  /** Each setting that can hide events which it should deliver. */
  readonly faults: ReadonlyArray<string>
  /** Deliveries so far, redeliveries included. */
  readonly deliveries: number
  /** Pull requests that wait for events. */
  readonly requests: number
}

/**
 * Durable consumers of the event log: at-least-once delivery, in batches, shared by all instances. Each also handles
 * the redrives that are requested for it.
 */
export class Consumers extends Context.Service<Consumers, {
  /** Runs a consumer until it is interrupted. Fails only when its durable consumer cannot be created at the start. */
  readonly run: (options: ConsumerOptions) => Effect.Effect<never, Durable.ConsumerUnavailable>
  /** Handles only the redrives of a consumer, one batch after the other, until it is interrupted. */
  readonly runRedrives: (options: RedriveOptions) => Effect.Effect<never, Durable.ConsumerUnavailable>
  /** Deletes a durable consumer, if it exists. The next run starts with the first event. */
  readonly deleteDurable: (durable: string) => Effect.Effect<void, Durable.ConsumerUnavailable>
  /** The settings and the progress of a durable consumer; undefined when it does not exist. */
  readonly inspect: (
    durable: string,
    filter: string
  ) => Effect.Effect<Inspected | undefined, Durable.ConsumerUnavailable>
  /** Deletes a durable consumer, so that its run creates it again. Requests to redrive stay. */
  readonly restart: (durable: string) => Effect.Effect<void, Durable.ConsumerUnavailable>
  /** Records in a durable consumer which database it feeds. */
  readonly claim: (durable: string, database: string) => Effect.Effect<void, Durable.ConsumerUnavailable>
  /** Deletes a durable consumer that never runs again. Its pending redrives end with this reason. */
  readonly retire: (
    durable: string,
    reason: string
  ) => Effect.Effect<void, AppendFailed | ReadFailed | Durable.ConsumerUnavailable>
  /** The progress of a durable consumer. */
  readonly standing: (durable: string) => Effect.Effect<ConsumerLag, ReadFailed>
  /** The progress of every durable consumer of the event log, including those of other programs. */
  readonly standings: Effect.Effect<ReadonlyArray<ConsumerLag>, ReadFailed>
}>()("threeqpr-events/Consumers") {
  static readonly layer = Layer.effect(Consumers, Effect.suspend(() => make())).pipe(
    Layer.provide(Operations.layer)
  )
}

const make = Effect.fnUntraced(function*() {
  const nats = yield* Nats
  const deadLetters = yield* DeadLetters
  const operations = yield* Operations
  const tracing = yield* Tracing
  const manager = yield* managerOf(nats)
  const parts = { nats, manager, deadLetters, operations, tracing }

  const deleteDurable = (durable: string) =>
    Effect.forEach([stream, redriveStream], (stream) => Durable.deleteDurable(manager, stream, durable), {
      discard: true
    })

  return Consumers.of({
    run: (options) => run(parts, options),
    runRedrives: (options) => runRedrives(parts, options, (_, handle) => Effect.uninterruptible(handle)),
    deleteDurable,
    retire: (durable, reason) =>
      Effect.andThen(
        deleteDurable(durable),
        Effect.provideService(endRedrives(manager, durable, reason), Operations, operations)
      ),
    inspect: (durable, filter) =>
      Effect.map(
        Durable.inspect(manager, stream, durable),
        (info) =>
          info && {
            ...standingOf(info),
            faults: faultsOf(info, filter),
            deliveries: info.delivered.consumer_seq,
            requests: info.num_waiting
          }
      ),
    restart: (durable) => Durable.deleteDurable(manager, stream, durable),
    claim: (durable, database) => Effect.asVoid(Durable.claim(manager, stream, durable, database)),
    standing: (durable) => reading(() => standing(manager, durable)),
    standings: reading(() => standings(manager))
  })
})

/** Runs a durable consumer of the event log, and handles its redrives in between. */
const run = Effect.fnUntraced(function*(parts: RedriveParts, options: ConsumerOptions) {
  const inTurn = inTurnOf(yield* Semaphore.make(options.concurrency ?? 1))
  return yield* Effect.raceFirst(
    Durable.run(parts.nats, parts.manager, {
      ...options,
      stream,
      ackWait,
      handle: (messages) => inTurn(messages, handleBatch(parts, options, messages))
    }),
    runRedrives(parts, options, inTurn)
  )
})

/** Limits how many batches are handled at once. Batches that wait when the consumer stops go back to the broker. */
const inTurnOf = (turn: Semaphore.Semaphore): RunBatch => (messages, handle) =>
  Effect.uninterruptibleMask((restore) =>
    restore(turn.take(1)).pipe(
      Effect.onInterrupt(() => Effect.sync(() => messages.forEach((message) => message.nak(0)))),
      Effect.andThen(Effect.ensuring(handle, turn.release(1)))
    )
  )

const handleBatch = (
  { deadLetters, tracing }: RedriveParts,
  options: ConsumerOptions,
  messages: ReadonlyArray<Message>
) =>
  Effect.suspend(() => {
    const batch = messages.map(deliveredOf)
    const handled = handleAll(deadLetters, options, messages, batch)
    return tracing?.batch(stream, options.durable, batch)(handled) ?? handled
  })

const handleAll = Effect.fnUntraced(
  function*(
    deadLetters: DeadLetters["Service"],
    options: ConsumerOptions,
    messages: ReadonlyArray<Message>,
    batch: ReadonlyArray<Delivered>
  ) {
    const outcomes = yield* options.handle(batch)
    for (const [index, message] of messages.entries()) {
      const event = batch[index]
      const outcome = outcomes[index] ?? retryAfter(1_000)
      if (event) yield* settle(deadLetters, options.durable, message, event, outcome)
    }
  },
  Effect.uninterruptible
)

const settle = Effect.fnUntraced(function*(
  deadLetters: DeadLetters["Service"],
  durable: string,
  message: Message,
  event: Delivered,
  outcome: Outcome
) {
  if (outcome._tag === "Ack") return message.ack()
  if (outcome._tag === "RetryAfter") return message.nak(outcome.millis)
  const isStored = yield* putLetter(deadLetters, durable, event, outcome.error)
  return isStored ? message.term() : message.nak(putAgain)
})

/** How long a consumer may take for a batch before the broker delivers it to another instance, in milliseconds. */
export const ackWait = 10_000
