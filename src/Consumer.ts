import { Context, Effect, Layer, Schedule, Schema } from "effect"
import { AckPolicy, type ConsumerConfig, DeliverPolicy, nanos, NatsError } from "nats"
import { type Delivered, deliveredOf } from "./Consumer/Delivered.ts"
import type { Message } from "./Consumer/Message.ts"
import { Pull } from "./Consumer/Pull.ts"
import { type Standing, standings } from "./Consumer/Standing.ts"
import { DeadLetters } from "./DeadLetters.ts"
import { type ReadFailed, stream } from "./EventLog.ts"
import { reading } from "./EventLog/Reader.ts"
import { messageOf } from "./Failure.ts"
import { Nats } from "./Nats.ts"

/** What becomes of one event: done, again after some time, or kept aside because no retry can help. */
export type Outcome =
  | { readonly _tag: "Ack" }
  | { readonly _tag: "RetryAfter"; readonly millis: number }
  | { readonly _tag: "DeadLetter"; readonly error: string }

export const ack: Outcome = { _tag: "Ack" }
export const retryAfter = (millis: number): Outcome => ({ _tag: "RetryAfter", millis })
export const deadLetter = (error: string): Outcome => ({ _tag: "DeadLetter", error })

export interface ConsumerOptions {
  /** The durable consumer's name; instances with the same name share the work. */
  readonly durable: string
  /** A subject or a wildcard. */
  readonly filter: string
  readonly maxBatch: number
  /** Awaited before each batch is taken. */
  readonly pause: Effect.Effect<void>
  /** Whether the durable consumer may be created, asked before and after; always when undefined. */
  readonly wanted?: Effect.Effect<boolean>
  /** Handles a batch in the order of delivery; one outcome for each event. Finished before we stop. */
  readonly handle: (batch: ReadonlyArray<Delivered>) => Effect.Effect<ReadonlyArray<Outcome>>
}

/** The durable consumer could not be created. A retry can help. */
export class ConsumerUnavailable
  extends Schema.TaggedError<ConsumerUnavailable>()("ConsumerUnavailable", { message: Schema.String })
{}

/** Durable consumers of the event log: at least once, in batches, shared by all instances. */
export class Consumers extends Context.Service<Consumers, {
  /** Runs one for ever. Fails only when its durable consumer cannot be created at the start. */
  readonly run: (options: ConsumerOptions) => Effect.Effect<never, ConsumerUnavailable>
  /** Deletes a durable consumer, if there is one: the next run begins with the first event. */
  readonly forget: (durable: string) => Effect.Effect<void, ConsumerUnavailable>
  /** Where every durable consumer of the event log stands, ours and others'. */
  readonly standings: Effect.Effect<ReadonlyArray<Standing>, ReadFailed>
}>()("threeqpr-events/Consumers") {
  static readonly layer = Layer.effect(Consumers, Effect.suspend(() => make()))
}

const make = Effect.fnUntraced(function*() {
  const nats = yield* Nats
  const deadLetters = yield* DeadLetters
  const manager = yield* Effect.promise(() => nats.connection.jetstreamManager({ checkAPI: false }))

  const ensure = (options: ConsumerOptions) =>
    Effect.tryPromise({
      try: async () => {
        const found = await manager.consumers.info(stream, options.durable).catch(unlessMissing)
        return found ?? await manager.consumers.add(stream, configOf(options))
      },
      catch: (error) => unavailable(options.durable, error)
    })

  /**
   * Whether it is there, created if need be. Asks again when it is: it may have been forgotten for good just
   * before, and nobody would forget it a second time.
   */
  const ensureWanted = Effect.fnUntraced(function*(options: ConsumerOptions) {
    const { durable, wanted = Effect.succeed(true) } = options
    if (!(yield* wanted)) return false
    const stillWanted = wanted.pipe(
      Effect.interruptible,
      Effect.timeoutOrElse({ duration: "5 seconds", orElse: () => Effect.succeed(true) })
    )
    return yield* ensure(options).pipe(
      Effect.andThen(stillWanted),
      Effect.tap((still): Effect.Effect<void, ConsumerUnavailable> => still ? Effect.void : forget(durable)),
      Effect.uninterruptible
    )
  })

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
              return Effect.logWarning(`dead letter not stored, tried again in 5 s: ${failure.message}`)
            })
          )
      }
    }
  )

  const handleBatch = Effect.fnUntraced(
    function*(options: ConsumerOptions, messages: ReadonlyArray<Message>) {
      const batch = messages.map(deliveredOf)
      const outcomes = yield* options.handle(batch)
      for (const [index, message] of messages.entries()) {
        const event = batch[index]
        if (event) yield* settle(options, message, event, outcomes[index] ?? retryAfter(1_000))
      }
    },
    Effect.uninterruptible
  )

  const run = Effect.fnUntraced(function*(options: ConsumerOptions) {
    yield* ensureWanted(options)
    const scope = yield* Effect.scope
    const services = yield* Effect.context<never>()
    let recreating = false
    const recreate = Effect.logWarning(`the durable consumer ${options.durable} is gone; creating it again`)
      .pipe(
        Effect.andThen(ensureWanted(options)),
        Effect.retry(Schedule.spaced("1 second")),
        Effect.map((there) => {
          if (!there) return
          recreating = false
          pull.restart()
        })
      )
    const pull: Pull = yield* Effect.acquireRelease(
      Effect.sync(() =>
        new Pull(nats, {
          stream,
          durable: options.durable,
          capacity: 2 * options.maxBatch,
          onMissing: () => {
            if (recreating) return
            recreating = true
            Effect.runForkWith(services)(Effect.forkIn(recreate, scope))
          }
        })
      ),
      (pull) => Effect.sync(() => pull.close().forEach((message) => message.nak(0)))
    )
    yield* nats.onChange((connected) => void (connected && pull.restart()))
    while (true) {
      yield* options.pause
      yield* handleBatch(options, yield* pull.take(options.maxBatch))
    }
  }, Effect.scoped)

  const forget = (durable: string) =>
    Effect.tryPromise({
      try: () => manager.consumers.delete(stream, durable).catch(unlessMissing),
      catch: (error) => unavailable(durable, error)
    })

  return Consumers.of({ run, forget, standings: reading(() => standings(manager)) })
})

const consumerNotFound = 10014

const unlessMissing = (error: unknown): undefined => {
  if (error instanceof NatsError && error.api_error?.err_code === consumerNotFound) return undefined
  throw error
}

const unavailable = (durable: string, error: unknown) =>
  new ConsumerUnavailable({
    message: `The durable consumer ${durable} of ${stream} cannot be read, created or deleted: ${
      messageOf(error)
    }`
  })

/** How long a consumer may take for a batch before the broker delivers it to another, in milliseconds. */
export const ackWait = 10_000

const configOf = (options: ConsumerOptions): Partial<ConsumerConfig> => ({
  durable_name: options.durable,
  filter_subject: options.filter,
  ack_policy: AckPolicy.Explicit,
  ack_wait: nanos(ackWait),
  deliver_policy: DeliverPolicy.All,
  max_deliver: -1,
  // Shared by all instances: enough for 16 of them, so that a slow one does not starve the others.
  max_ack_pending: 32 * options.maxBatch
})
