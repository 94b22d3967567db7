import { Effect, Option } from "effect"
import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  DeliverPolicy,
  ErrorCode,
  type JetStreamManager,
  nanos,
  NatsError
} from "nats"
import { JetStreamCode, unless } from "../Nats/JetStreamCode.ts"
import type { Nats } from "../Nats/Nats.ts"
import { messageOf } from "../Process/Failure.ts"
import { counting } from "./Count.ts"
import { type LoggedEntry, type Page, type Part, ReadFailed, type ReadOptions } from "./EventLog.ts"
import { recordOf } from "./Headers.ts"
import { probeSubject, stream as eventStream } from "./Names.ts"
import { entryOf, placesOf, pullFrom } from "./Reader/Pulled.ts"

/**
 * How long to wait for messages that the broker has announced, in milliseconds. A message that is deleted meanwhile
 * is never delivered.
 */
const settleTimeout = 1_000

export interface ReaderOptions {
  /** The stream to read. The event log if undefined. */
  readonly stream?: string
  /** Omits the bodies. The header `Nats-Msg-Size` then has their size. */
  readonly headersOnly?: boolean
}

/** A stream, and the connection that reads it. */
interface Source {
  readonly nats: Nats["Service"]
  readonly manager: JetStreamManager
  readonly stream: string
  readonly headersOnly: boolean
}

/**
 * Reads a stream without its durable consumers. Each read creates a consumer in the broker's memory, without acks,
 * and deletes it afterwards. Such a consumer can run on any server of a cluster, and that server may lag. So an empty
 * result proves nothing: only the stream's leader knows the end.
 */
export const makeReader = (
  nats: Nats["Service"],
  manager: JetStreamManager,
  { headersOnly = false, stream = eventStream }: ReaderOptions = {}
) => {
  const source: Source = { nats, manager, stream, headersOnly }
  return {
    read: (options: ReadOptions) => read(source, options),
    first: (part: Part) => firstBehind(manager, stream, part),
    count: counting(
      stream,
      (part) => asking(source, startOf(part), ({ num_pending }) => Effect.succeed(num_pending))
    ),
    sequenceAt: (time: number) => sequenceAt(source, time),
    /** Entries as they are stored, for a reader that does not need to know the end. */
    follow: (options: ReadOptions) =>
      Effect.map(poll(source, options, Effect.succeed(true)), (places) => places.flatMap(entryOf))
  }
}

export type Reader = ReturnType<typeof makeReader>

const asking = <A>(
  { headersOnly, manager, stream }: Source,
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

/** Reads what one server has after a sequence. An empty result does not mean that there are no entries. */
const poll = Effect.fn("EventLog.poll")(function*(
  source: Source,
  { after, filter, limit, wait = 0 }: ReadOptions,
  mayWait: Effect.Effect<boolean, ReadFailed>
) {
  const messages = yield* asking(
    source,
    startOf({ after, filter }),
    Effect.fnUntraced(function*({ name, num_pending }) {
      const pull = (batch: number, expires: number) =>
        pullFrom(source.nats, `${source.stream}.${name}`, batch, expires)
      if (num_pending > 0) return yield* pull(Math.min(limit, num_pending), settleTimeout)
      if (wait === 0 || !(yield* mayWait)) return []
      const awaited = yield* pull(1, wait)
      return awaited.length === 0 || limit === 1
        ? awaited
        : [...awaited, ...(yield* pull(limit - 1, 0))]
    })
  )
  return placesOf(messages, after)
})

const read = Effect.fn("EventLog.read")(function*(source: Source, options: ReadOptions) {
  const { after } = options
  const first = firstBehind(source.manager, source.stream, options)
  const places = yield* poll(source, options, Effect.map(first, Option.isNone))
  const last = places.at(-1)
  if (last !== undefined) {
    return { entries: places.flatMap(entryOf), cursor: last.sequence, end: false } satisfies Page
  }
  // Nothing was received: there is nothing, the server was too slow, or it lacks the entry. Ask the leader, which has
  // every entry.
  return Option.match(yield* first, {
    onNone: (): Page => ({ entries: [], cursor: after, end: true }),
    onSome: (entry): Page => ({ entries: [entry], cursor: entry.sequence, end: false })
  })
})

const sequenceAt = Effect.fn("EventLog.sequenceAt")(function*(source: Source, time: number) {
  const found = yield* asking(
    source,
    { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(time).toISOString() },
    ({ delivered }) => Effect.succeed(delivered.stream_seq + 1)
  )
  const entry = yield* firstBehind(source.manager, source.stream, { after: found - 1 })
  return Option.exists(entry, ({ storedAt }) => storedAt < time)
    ? yield* search(source, time, Option.getOrThrow(entry).sequence)
    : found
})

/**
 * The sequence after the last entry older than `time`, starting from one such entry. A nats-server before 2.10 starts
 * at the first entry of the stream if only deleted entries are as new as `time`.
 */
const search = Effect.fnUntraced(function*({ manager, stream }: Source, time: number, before: number) {
  let low = before
  let high = Infinity
  let step = 1
  while (high - low > 1) {
    const at = high === Infinity ? low + step : Math.floor((low + high) / 2)
    const entry = yield* firstBehind(manager, stream, { after: at - 1 })
    const older = Option.filter(entry, ({ storedAt }) => storedAt < time)
    if (Option.isSome(older)) low = older.value.sequence
    else high = at
    step *= 2
  }
  return high
})

/** A request to the broker that can fail and be retried. */
export const reading = <A>(read: () => Promise<A>) =>
  Effect.tryPromise({ try: read, catch: (error) => new ReadFailed({ message: reasonOf(error) }) })

/** The NATS client reports a fault by its code. */
const reasonOf = (error: unknown) =>
  (error instanceof NatsError ? reasons[error.code] : undefined) ?? messageOf(error)

const reasons: Readonly<Record<string, string>> = {
  [ErrorCode.Timeout]: "the broker does not answer",
  [ErrorCode.ConnectionClosed]: "the connection to the broker has ended",
  [ErrorCode.Disconnect]: "the connection to the broker is lost"
}

/** The entry at a sequence of a stream. None for a gap or after the end. */
export const entryAt = (manager: JetStreamManager, stream: string, sequence: number) =>
  messageAt(manager, stream, { seq: sequence })

/** The last entry of a subject or a wildcard, from the stream's leader. */
export const lastOf = (manager: JetStreamManager, stream: string, subject: string) =>
  messageAt(manager, stream, { last_by_subj: subject })

/** A message from the stream's leader. None if the leader has no such message. */
const messageAt = (
  manager: JetStreamManager,
  stream: string,
  query: { readonly seq: number; readonly next_by_subj?: string } | { readonly last_by_subj: string }
) =>
  reading(async () => {
    const message = await manager.streams.getMessage(stream, query).catch(
      unless(JetStreamCode.noMessageFound)
    )
    return Option.map(Option.fromUndefinedOr(message), (message): LoggedEntry => ({
      sequence: message.seq,
      subject: message.subject,
      headers: recordOf(message.header),
      body: message.data,
      storedAt: message.time.getTime()
    }))
  })

/**
 * The first entry after a sequence, from the stream's leader: no other server replies to this request. None means the
 * end.
 */
export const firstBehind = (
  manager: JetStreamManager,
  stream: string,
  { after, filter = ">" }: Part
): Effect.Effect<Option.Option<LoggedEntry>, ReadFailed> =>
  Effect.flatMap(
    messageAt(manager, stream, { seq: after + 1, next_by_subj: filter }),
    Option.match({
      onNone: () => Effect.succeedNone,
      onSome: (entry) =>
        entry.subject === probeSubject
          ? firstBehind(manager, stream, { after: entry.sequence, filter })
          : Effect.succeedSome(entry)
    })
  )

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
