/**
 * Room `Consumer`: durable consumers, the public `subscribe`, ordered groups.
 *
 * Promises: Each event reaches its handler at least once, and is acknowledged afterwards. A poison event becomes a
 * dead letter, and its neighbours continue.
 *
 * May use: `Domain`, `Process`, `Nats`, `EventLog`.
 */
import { Context, Effect, Layer, Schedule, Semaphore } from "effect"
import { DeadLetters } from "../EventLog/DeadLetters.ts"
import { type Delivered, deliveredOf } from "../EventLog/Delivered.ts"
import type { AppendFailed, ReadFailed } from "../EventLog/EventLog.ts"
import { redriveStream, redriveSubject, stream } from "../EventLog/Names.ts"
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
import { handleRedrives, redriveAckWait } from "./Redrives.ts"

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
  const services = yield* Effect.context<DeadLetters | Operations>()
  const nats = yield* Nats
  const deadLetters = yield* DeadLetters
  const tracing = yield* Tracing
  const manager = yield* managerOf(nats)

  const settle = Effect.fnUntraced(
    function*(options: ConsumerOptions, message: Message, event: Delivered, outcome: Outcome) {
      switch (outcome._tag) {
        case "Ack":
          return message.ack()
        case "RetryAfter":
          return message.nak(outcome.millis)
        case "DeadLetter":
          return yield* deadLetters.put(options.durable, event, outcome.error).pipe(
            Effect.andThen(Effect.sync(() => message.term())),
            Effect.catch((failure) => {
              message.nak(5_000)
              return Effect.logWarning(`dead letter not stored, next attempt in 5 s: ${failure.message}`)
            })
          )
      }
    }
  )

  const handleAll = Effect.fnUntraced(
    function*(
      options: ConsumerOptions,
      messages: ReadonlyArray<Message>,
      batch: ReadonlyArray<Delivered>
    ) {
      const outcomes = yield* options.handle(batch)
      for (const [index, message] of messages.entries()) {
        const event = batch[index]
        if (event) yield* settle(options, message, event, outcomes[index] ?? retryAfter(1_000))
      }
    },
    Effect.uninterruptible
  )

  type Handle = (messages: ReadonlyArray<Message>, handle: Effect.Effect<void>) => Effect.Effect<void>

  /** Handles the events that operators redrive to a consumer. `handle` decides when they run. */
  const takeRedrives = Effect.fnUntraced(function*(options: RedriveOptions, handle: Handle) {
    const redrive = yield* handleRedrives(manager, options).pipe(Effect.provideContext(services))
    return yield* Durable.run(nats, manager, {
      ...options,
      stream: redriveStream,
      filter: redriveSubject(options.durable, "*"),
      maxBatch: Math.min(options.maxBatch, maxRedrives),
      ackWait: redriveAckWait,
      handle: (messages) => handle(messages, redrive(messages))
    }).pipe(
      Effect.tapError(({ message, permitted }) =>
        permitted ? Effect.logWarning(`redrives stay queued and are retried: ${message}`) : Effect.void
      ),
      // A broker that is unreachable at this point must not end a consumer that is already running.
      Effect.retry({ while: ({ permitted }) => permitted, schedule: Schedule.spaced("1 second") }),
      Effect.catchIf(isForbidden, withoutRedrives)
    )
  })

  const handleBatch = (options: ConsumerOptions, messages: ReadonlyArray<Message>) =>
    Effect.suspend(() => {
      const batch = messages.map(deliveredOf)
      const handled = handleAll(options, messages, batch)
      return tracing?.batch(stream, options.durable, batch)(handled) ?? handled
    })

  const run = Effect.fnUntraced(function*(options: ConsumerOptions) {
    // Limits how many batches are handled at once. Batches that wait when the consumer stops go back to the broker.
    const turn = yield* Semaphore.make(options.concurrency ?? 1)
    const inTurn = (messages: ReadonlyArray<Message>, handle: Effect.Effect<void>) =>
      Effect.uninterruptibleMask((restore) =>
        restore(turn.take(1)).pipe(
          Effect.onInterrupt(() => Effect.sync(() => messages.forEach((message) => message.nak(0)))),
          Effect.andThen(Effect.ensuring(handle, turn.release(1)))
        )
      )
    const { concurrency, durable, feeds, hold, maxBatch, pause, start, started, wanted } = options
    return yield* Effect.raceFirst(
      Durable.run(nats, manager, {
        stream,
        durable,
        filter: options.filter,
        start,
        feeds,
        maxBatch,
        batchSize: options.batchSize,
        waiting: options.waiting,
        concurrency,
        ackWait,
        hold,
        started,
        pause,
        wanted,
        handle: (messages) => inTurn(messages, handleBatch(options, messages))
      }),
      takeRedrives({ durable, handle: options.handle, maxBatch, hold, pause, wanted }, inTurn)
    )
  })

  const deleteDurable = (durable: string) =>
    Effect.forEach([stream, redriveStream], (stream) => Durable.deleteDurable(manager, stream, durable), {
      discard: true
    })

  return Consumers.of({
    run,
    runRedrives: (options) => takeRedrives(options, (_, handle) => Effect.uninterruptible(handle)),
    deleteDurable,
    retire: (durable, reason) =>
      Effect.andThen(
        deleteDurable(durable),
        Effect.provideContext(endRedrives(manager, durable, reason), services)
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

const isForbidden = ({ permitted }: Durable.ConsumerUnavailable) => !permitted

/** Without permission to read the redrive stream, keeps consuming; pending redrives stay queued. */
const withoutRedrives = ({ message }: Durable.ConsumerUnavailable) =>
  Effect.andThen(Effect.logWarning(`dead letters cannot be redriven: ${message}`), Effect.never)

/** Maximum number of redrives per batch. */
const maxRedrives = 50

/** How long a consumer may take for a batch before the broker delivers it to another instance, in milliseconds. */
export const ackWait = 10_000
