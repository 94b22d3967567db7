import { Effect, Schedule, Schema } from "effect"
import { AckPolicy, type ConsumerConfig, DeliverPolicy, type JetStreamManager, nanos, NatsError } from "nats"
import { messageOf } from "../Failure.ts"
import type { Nats } from "../Nats.ts"
import type { Message } from "./Message.ts"
import { Pull } from "./Pull.ts"

/** The durable consumer could not be created. A retry can help. */
export class ConsumerUnavailable
  extends Schema.TaggedError<ConsumerUnavailable>()("ConsumerUnavailable", { message: Schema.String })
{}

export interface DurableOptions {
  readonly stream: string
  readonly durable: string
  /** A subject or a wildcard. */
  readonly filter: string
  readonly maxBatch: number
  /** How long a batch may take before the broker delivers it to another, in milliseconds. */
  readonly ackWait: number
  /** Awaited before each batch is taken. */
  readonly pause: Effect.Effect<void>
  /** Whether the durable consumer may be created, asked before and after; always when undefined. */
  readonly wanted?: Effect.Effect<boolean> | undefined
  /** Handles messages and gives each its answer. */
  readonly handle: (messages: ReadonlyArray<Message>) => Effect.Effect<void>
}

/**
 * Runs a durable pull consumer for ever; instances with the same name share the work. Creates it when it
 * is missing, also when somebody deletes it meanwhile. Fails only when it cannot be created at the start.
 */
export const run = Effect.fnUntraced(function*(
  nats: Nats["Service"],
  manager: JetStreamManager,
  options: DurableOptions
) {
  const { durable, maxBatch, stream } = options
  yield* ensureWanted(manager, options)
  const scope = yield* Effect.scope
  const services = yield* Effect.context<never>()
  let recreating = false
  const created = Effect.logWarning(
    `the durable consumer ${durable} of ${stream} was gone and is there again, from the first event`
  )
  const recreate = ensureWanted(manager, options, created).pipe(
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
        durable,
        capacity: 2 * maxBatch,
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
    yield* options.handle(yield* pull.take(maxBatch))
  }
}, Effect.scoped)

/** Deletes a durable consumer, if there is one. */
export const forget = (manager: JetStreamManager, stream: string, durable: string) =>
  Effect.tryPromise({
    try: () => manager.consumers.delete(stream, durable).catch(unlessMissing),
    catch: (error) => unavailable(stream, durable, error)
  })

/**
 * Whether it is there, created if need be. Asks again when it is: it may have been forgotten for good just
 * before, and nobody would forget it a second time.
 */
const ensureWanted = Effect.fnUntraced(function*(
  manager: JetStreamManager,
  options: DurableOptions,
  created: Effect.Effect<void> = Effect.void
) {
  const { durable, stream, wanted = Effect.succeed(true) } = options
  if (!(yield* wanted)) return false
  const stillWanted = wanted.pipe(
    Effect.interruptible,
    Effect.timeoutOrElse({ duration: "5 seconds", orElse: () => Effect.succeed(true) })
  )
  return yield* ensure(manager, options).pipe(
    Effect.flatMap((isNew) => isNew ? created : Effect.void),
    Effect.andThen(stillWanted),
    Effect.tap((still): Effect.Effect<void, ConsumerUnavailable> =>
      still ? Effect.void : forget(manager, stream, durable)
    ),
    Effect.uninterruptible
  )
})

/** True when it was not there. */
const ensure = (manager: JetStreamManager, options: DurableOptions) =>
  Effect.tryPromise({
    try: async () => {
      const found = await manager.consumers.info(options.stream, options.durable).catch(unlessMissing)
      if (found === undefined) await manager.consumers.add(options.stream, configOf(options))
      return found === undefined
    },
    catch: (error) => unavailable(options.stream, options.durable, error)
  })

const consumerNotFound = 10014

const unlessMissing = (error: unknown): undefined => {
  if (error instanceof NatsError && error.api_error?.err_code === consumerNotFound) return undefined
  throw error
}

const unavailable = (stream: string, durable: string, error: unknown) =>
  new ConsumerUnavailable({
    message: `The durable consumer ${durable} of ${stream} cannot be read, created or deleted: ${
      messageOf(error)
    }`
  })

const configOf = (options: DurableOptions): Partial<ConsumerConfig> => ({
  durable_name: options.durable,
  filter_subject: options.filter,
  ack_policy: AckPolicy.Explicit,
  ack_wait: nanos(options.ackWait),
  deliver_policy: DeliverPolicy.All,
  max_deliver: -1,
  // Shared by all instances: enough for 16 of them, so that a slow one does not starve the others.
  max_ack_pending: 32 * options.maxBatch
})
