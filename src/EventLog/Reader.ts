import { Effect, Option } from "effect"
import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  DeliverPolicy,
  type JetStreamManager,
  type Msg,
  nanos,
  NatsError
} from "nats"
import { messageOf as place } from "../Consumer/Message.ts"
import {
  type LoggedEntry,
  type Part,
  probeSubject,
  ReadFailed,
  type ReadOptions,
  stream as eventStream
} from "../EventLog.ts"
import { messageOf } from "../Failure.ts"
import type { Nats } from "../Nats.ts"
import { recordOf } from "./Headers.ts"

/** How long the broker may take for what it has, in milliseconds. */
const answerTimeout = 5_000

/**
 * How long to wait for messages that were there a moment ago, in milliseconds: one that is deleted meanwhile
 * never comes, and a request that does not wait would then be answered with less and without an end.
 */
const settleTimeout = 1_000

/** The most that one read brings, in bytes. */
const maxBytes = 8 * 1024 * 1024

export interface ReaderOptions {
  /** The stream to read; the event log when undefined. */
  readonly stream?: string
  /** Leaves the bodies out; the header `Nats-Msg-Size` then says how large they are. */
  readonly headersOnly?: boolean
}

/**
 * Reads a stream beside its durable consumers: each question makes a consumer of its own in the
 * broker's memory, which keeps no acknowledgements, and deletes it again.
 */
export const makeReader = (
  nats: Nats["Service"],
  manager: JetStreamManager,
  { headersOnly = false, stream = eventStream }: ReaderOptions = {}
) => {
  const asking = <A>(
    start: Partial<ConsumerConfig>,
    use: (consumer: ConsumerInfo) => Effect.Effect<A, ReadFailed>
  ) =>
    Effect.acquireUseRelease(
      reading(() =>
        manager.consumers.add(stream, { ...passing, ...start, ...(headersOnly && { headers_only: true }) })
      ),
      use,
      ({ name }) => Effect.ignore(reading(() => manager.consumers.delete(stream, name)))
    )

  const read = Effect.fn("EventLog.read")(function*({ limit, wait = 0, ...part }: ReadOptions) {
    return yield* asking(startOf(part), ({ name, num_pending }) =>
      Effect.gen(function*() {
        const pull = (batch: number, expires: number) => pullFrom(nats, `${stream}.${name}`, batch, expires)
        if (num_pending > 0) return yield* pull(Math.min(limit, num_pending), settleTimeout)
        if (wait === 0) return []
        const first = yield* pull(1, wait)
        return first.length === 0 || limit === 1 ? first : [...first, ...(yield* pull(limit - 1, 0))]
      })).pipe(Effect.map((messages) => messages.flatMap(entryOf)))
  })

  const count = Effect.fn("EventLog.count")((part: Part) =>
    asking(startOf(part), ({ num_pending }) => Effect.succeed(num_pending))
  )

  const sequenceAt = Effect.fn("EventLog.sequenceAt")((time: number) =>
    asking(
      { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(time).toISOString() },
      ({ delivered }) => Effect.succeed(delivered.stream_seq + 1)
    )
  )

  return { read, count, sequenceAt }
}

/** A question to the broker that can fail, and be asked again. */
export const reading = <A>(read: () => Promise<A>) =>
  Effect.tryPromise({ try: read, catch: (error) => new ReadFailed({ message: messageOf(error) }) })

/** The entry at a sequence of a stream; none where there is a gap or the end. */
export const entryAt = (manager: JetStreamManager, stream: string, sequence: number) =>
  reading(async () => {
    try {
      const message = await manager.streams.getMessage(stream, { seq: sequence })
      return Option.some<LoggedEntry>({
        sequence,
        subject: message.subject,
        headers: recordOf(message.header),
        body: message.data
      })
    } catch (error) {
      if (error instanceof NatsError && error.api_error?.err_code === noMessageFound) return Option.none()
      throw error
    }
  })

const noMessageFound = 10037

const passing: Partial<ConsumerConfig> = {
  ack_policy: AckPolicy.None,
  mem_storage: true,
  num_replicas: 1,
  inactive_threshold: nanos(60_000)
}

const startOf = ({ after, filter }: Part): Partial<ConsumerConfig> => ({
  deliver_policy: DeliverPolicy.StartSequence,
  opt_start_seq: after + 1,
  ...(filter !== undefined && { filter_subject: filter })
})

/** Takes what there is, up to `batch`; with `expires`, waits that long for it. */
const pullFrom = (nats: Nats["Service"], consumer: string, batch: number, expires: number) =>
  Effect.callback<ReadonlyArray<Msg>, ReadFailed>((resume) => {
    const { connection } = nats
    const messages: Array<Msg> = []
    const inbox = nats.newInbox()
    const subscription = connection.subscribe(inbox, {
      callback: (error, msg) => {
        if (error) return end(Effect.fail(new ReadFailed({ message: messageOf(error) })))
        // A status message, not one of the stream: the broker has no more for this request.
        if (msg.subject === inbox) {
          return msg.headers?.code === 100
            ? undefined
            : end(Effect.succeed(messages))
        }
        if (messages.push(msg) === batch) end(Effect.succeed(messages))
      }
    })
    const end = (result: Effect.Effect<ReadonlyArray<Msg>, ReadFailed>) => {
      subscription.unsubscribe()
      resume(result)
    }
    connection.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${consumer}`,
      JSON.stringify({
        batch,
        // A single message may be larger, and has to come through.
        max_bytes: Math.max(maxBytes, connection.info?.max_payload ?? 0),
        ...(expires > 0 ? { expires: nanos(expires) } : { no_wait: true })
      }),
      { reply: inbox }
    )
    return Effect.sync(() => subscription.unsubscribe())
  }).pipe(
    Effect.timeoutOrElse({
      duration: expires + answerTimeout,
      orElse: () => Effect.fail(new ReadFailed({ message: "the broker does not answer" }))
    })
  )

const entryOf = (msg: Msg): ReadonlyArray<LoggedEntry> => {
  const sequence = place(msg)?.sequence
  return sequence === undefined || msg.subject === probeSubject
    ? []
    : [{ sequence, subject: msg.subject, headers: recordOf(msg.headers), body: msg.data }]
}
