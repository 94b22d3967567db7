import { Effect, Schema } from "effect"
import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  DeliverPolicy,
  type JetStreamManager,
  nanos,
  NatsError
} from "nats"
import { JetStreamCode, unless } from "../Nats/JetStreamCode.ts"
import type { Message } from "../Nats/Message.ts"
import type { Nats } from "../Nats/Nats.ts"
import { messageOf } from "../Process/Failure.ts"
import { describeOwner, faultsOf, ownerOf, skippingFaultsOf } from "./DurableFaults.ts"
import { Pull } from "./Pull.ts"
import { recreation } from "./Recreation.ts"

/** The durable consumer could not be created. A retry can help, unless the credentials do not permit it. */
export class ConsumerUnavailable extends Schema.TaggedError<ConsumerUnavailable>()("ConsumerUnavailable", {
  message: Schema.String,
  permitted: Schema.Boolean
}) {}

/** Where a durable consumer starts when it is created. An existing one continues at its place. */
export type Start = Pick<ConsumerConfig, "deliver_policy"> & Partial<ConsumerConfig>

export const fromFirst: Start = { deliver_policy: DeliverPolicy.All }

/** A database that stores its own place in the log. */
export interface Feeds {
  /** The identity of the database. A durable consumer of another database is never used. */
  readonly database: string
  /**
   * The sequence up to which the database accounts for every entry; undefined when the durable consumer must not be
   * created here.
   */
  readonly checkpoint: Effect.Effect<number | undefined>
}

/** Starts after a sequence. */
export const behind = (sequence: number): Start =>
  sequence === 0 ? fromFirst : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: sequence + 1 }

export interface DurableOptions {
  readonly stream: string
  readonly durable: string
  /** A subject or a wildcard. */
  readonly filter: string
  readonly start?: Start | undefined
  /** The database that it feeds, and where it starts whenever it is created. Replaces `start`. */
  readonly feeds?: Feeds | undefined
  readonly maxBatch: number
  /** Maximum size of the next batch. Default: `maxBatch`. */
  readonly batchSize?: (() => number) | undefined
  /** Maximum number of messages that wait in this process. Default: twice the number that is handled at once. */
  readonly waiting?: number | undefined
  /** Maximum number of batches that are handled at once. Default: 1. */
  readonly concurrency?: number | undefined
  /** Shortest time between two batches that are not full, in milliseconds. Default: 0. */
  readonly gather?: number | undefined
  /** How long a batch may take before the broker delivers it to another instance, in milliseconds. */
  readonly ackWait: number
  /** Whether this instance keeps messages that are handled or waiting, for as long as that takes. */
  readonly hold?: boolean | undefined
  /** Runs once, when the durable consumer exists. */
  readonly started?: Effect.Effect<void> | undefined
  /** Awaited before each batch is taken. */
  readonly pause: Effect.Effect<void>
  /** Whether the durable consumer may be created. Checked before and after the creation. Default: always. */
  readonly wanted?: Effect.Effect<boolean> | undefined
  /** Handles messages and acks, naks or terminates each of them. */
  readonly handle: (messages: ReadonlyArray<Message>) => Effect.Effect<void>
}

/**
 * Runs a durable pull consumer until it is interrupted. Instances with the same name share the work. Creates it when
 * it is missing, also after a deletion. Fails only when it cannot be created at the start.
 */
export const run = Effect.fnUntraced(function*(
  nats: Nats["Service"],
  manager: JetStreamManager,
  options: DurableOptions
) {
  const { ackWait, concurrency = 1, durable, hold, maxBatch, stream } = options
  let start = (yield* ensureWanted(manager, options)) ?? options.start
  yield* options.started ?? Effect.void
  const created = Effect.logWarning(
    `the durable consumer ${durable} of ${stream} was missing. It is created again with the start of the old one`
  )
  const recreate = yield* recreation(
    Effect.suspend(() => ensureWanted(manager, { ...options, start }, created)),
    (there) => {
      start = there
      pull.restart()
    }
  )
  const pull: Pull = yield* Effect.acquireRelease(
    Effect.sync(() =>
      new Pull(nats, {
        stream,
        durable,
        capacity: options.waiting ?? 2 * maxBatch * concurrency,
        ackWait,
        gather: options.gather,
        hold: hold ? ackWait / 3 : undefined,
        onMissing: recreate
      })
    ),
    (pull) =>
      Effect.tryPromise(() => pull.drain()).pipe(
        Effect.timeout("1 second"),
        Effect.ignore,
        Effect.andThen(Effect.sync(() => pull.close().forEach((message) => message.nak(0))))
      )
  )
  yield* nats.onChange((connected) => void (connected && pull.restart()))
  const work = Effect.forever(
    Effect.andThen(
      options.pause,
      Effect.flatMap(Effect.suspend(() => pull.take(options.batchSize?.() ?? maxBatch)), options.handle)
    )
  )
  return yield* Effect.raceAllFirst(Array.from({ length: concurrency }, () => work))
}, Effect.scoped)

/** Deletes a durable consumer, if it exists. */
export const deleteDurable = (manager: JetStreamManager, stream: string, durable: string) =>
  Effect.tryPromise({
    try: () => manager.consumers.delete(stream, durable).catch(unless(JetStreamCode.consumerNotFound)),
    catch: (error) => unavailable(stream, durable, error)
  }).pipe(
    // nats-server 2.9 can fail to remove the consumer's folder while it writes to it.
    Effect.retry({ times: 3 })
  )

/** The broker's description of a durable consumer; undefined when it does not exist. */
export const inspect = (manager: JetStreamManager, stream: string, durable: string) =>
  Effect.tryPromise({
    try: () => manager.consumers.info(stream, durable).catch(unless(JetStreamCode.consumerNotFound)),
    catch: (error) => unavailable(stream, durable, error)
  })

/** Records in the description of a durable consumer which database it feeds. */
export const claim = (manager: JetStreamManager, stream: string, durable: string, database: string) =>
  Effect.tryPromise({
    try: () => manager.consumers.update(stream, durable, { description: describeOwner(database) }),
    catch: (error) => unavailable(stream, durable, error)
  })

/**
 * Creates the durable consumer if it is missing and returns its start; undefined when it is not wanted. Checks this
 * again after the creation. Otherwise a deletion just before it would leave a durable consumer that no process
 * deletes.
 */
const ensureWanted = Effect.fnUntraced(function*(
  manager: JetStreamManager,
  options: DurableOptions,
  created: Effect.Effect<void> = Effect.void
) {
  const { durable, stream, wanted = Effect.succeed(true) } = options
  if (!(yield* wanted)) return undefined
  const stillWanted = wanted.pipe(
    Effect.interruptible,
    Effect.timeoutOrElse({ duration: "5 seconds", orElse: () => Effect.succeed(true) })
  )
  const checkpoint = options.feeds && (yield* options.feeds.checkpoint)
  if (options.feeds && checkpoint === undefined) return undefined
  const start = checkpoint === undefined ? options.start : behind(checkpoint)
  return yield* ensure(manager, { ...options, start }).pipe(
    Effect.tap(({ isNew }) => isNew ? created : Effect.void),
    Effect.flatMap(({ info }) => Effect.map(stillWanted, (still) => still ? startOf(info) : undefined)),
    Effect.tap((there): Effect.Effect<void, ConsumerUnavailable> =>
      there === undefined ? deleteDurable(manager, stream, durable) : Effect.void
    ),
    Effect.uninterruptible
  )
})

/**
 * Creates the durable consumer when it is missing. Its filter is never changed. Instances that do not know the new
 * filter would acknowledge events that they do not want. On nats-server 2.9 a changed consumer gets no more events.
 */
const ensure = (manager: JetStreamManager, options: DurableOptions) => {
  const { durable, stream } = options
  return Effect.tryPromise({
    try: async () => {
      const found = await manager.consumers.info(stream, durable).catch(
        unless(JetStreamCode.consumerNotFound)
      )
      if (found !== undefined) refuse(found, options)
      return {
        isNew: found === undefined,
        info: found ?? await manager.consumers.add(stream, configOf(options))
      }
    },
    catch: (error) => unavailable(stream, durable, error)
  })
}

/** Throws when an existing durable consumer has another filter or database, or would not deliver every event. */
const refuse = (found: ConsumerInfo, { durable, feeds, filter, stream }: DurableOptions) => {
  if (found.config.filter_subject !== filter) throw new Error(otherFilter(found, filter))
  const owner = ownerOf(found)
  if (owner !== undefined && owner !== feeds?.database) {
    throw new Error(`it feeds the database ${owner}${feeds ? `, not ${feeds.database}` : ""}`)
  }
  const faults = feeds === undefined ? skippingFaultsOf(found, filter) : faultsOf(found, filter)
  if (faults.length === 0) return
  throw new Error(
    `it would not deliver every event: ${
      faults.join("; ")
    }. Change it (\`nats consumer edit ${stream} ${durable}\`), `
      + `or delete it to begin again (\`nats consumer rm ${stream} ${durable}\`)`
  )
}

const otherFilter = ({ ack_floor, config }: ConsumerInfo, wanted: string) =>
  `it exists and consumes ${config.filter_subject}, not ${wanted}. Use another name for a consumer of other types. `
  + `To continue at the position of this consumer, begin with the sequence ${ack_floor.stream_seq + 1}`

/** The start with which the durable consumer is created again. `new` becomes the time of its first creation. */
const startOf = ({ config, created }: ConsumerInfo): Start => ({
  ...(config.deliver_policy === DeliverPolicy.New
    ? { deliver_policy: DeliverPolicy.StartTime, opt_start_time: created }
    : { deliver_policy: config.deliver_policy }),
  ...(config.opt_start_seq !== undefined && { opt_start_seq: config.opt_start_seq }),
  ...(config.opt_start_time !== undefined && { opt_start_time: config.opt_start_time })
})

const unavailable = (stream: string, durable: string, error: unknown) =>
  new ConsumerUnavailable({
    message: `The durable consumer ${durable} of ${stream} cannot be read, created or deleted: ${
      messageOf(error)
    }`,
    permitted: !(error instanceof NatsError && error.isPermissionError())
  })

const configOf = (options: DurableOptions): Partial<ConsumerConfig> => ({
  durable_name: options.durable,
  filter_subject: options.filter,
  ack_policy: AckPolicy.Explicit,
  ack_wait: nanos(options.ackWait),
  ...(options.start ?? fromFirst),
  max_deliver: -1,
  ...(options.feeds && { description: describeOwner(options.feeds.database) }),
  // Shared by all instances: enough for 16 of them, so that a slow one does not starve the others.
  max_ack_pending: 32 * options.maxBatch * (options.concurrency ?? 1)
})
