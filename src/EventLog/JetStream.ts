import { Effect, Layer } from "effect"
import type { StreamInfo } from "nats"
import { Nats } from "../Nats/Nats.ts"
import { messageOf } from "../Process/Failure.ts"
import { Tracing } from "../Process/Telemetry/Tracing.ts"
import { durabilityOf } from "./Durability.ts"
import { waitingForLeaders } from "./Election.ts"
import { erase } from "./Erase.ts"
import { AppendFailed, type Entry, EventLog, type Health, type LogState } from "./EventLog.ts"
import { headersOf } from "./Headers.ts"
import { stream } from "./Names.ts"
import { makePublisher } from "./Publisher.ts"
import { entryAt, makeReader, reading } from "./Reader.ts"
import { inspect, leave, probe, Readiness } from "./Readiness.ts"
import { ensure, flawOf, type TopologyOptions, TopologyRefused } from "./Topology.ts"

export interface JetStreamOptions extends TopologyOptions {
  /** Whether the broker syncs to disk before it acknowledges. Undefined if unknown. */
  readonly syncsBeforeAck?: boolean | undefined
  /** A possible reason why the broker does not store. It is run only while the log is not ready. */
  readonly explain?: Effect.Effect<string | undefined> | undefined
}

/** The event log on NATS JetStream. The layer creates or checks the streams first. */
export const layer = (options: JetStreamOptions) => Layer.effect(EventLog, make(options))

const make = Effect.fnUntraced(function*(options: JetStreamOptions) {
  const nats = yield* Nats
  const afterElection = yield* waitingForLeaders
  const manager = yield* afterElection(() => nats.connection.jetstreamManager({ timeout: 5_000 })).pipe(
    Effect.mapError((error) =>
      new TopologyRefused({ message: `JetStream does not answer: ${messageOf(error)}` })
    )
  )
  const info = yield* ensure(manager, options, afterElection)
  const readiness = new Readiness(nats.fault)
  // Registered before the publisher, so that the log is not ready when a publication fails because of the lost
  // connection.
  yield* nats.onChange((connected) => connected || readiness.lost())
  const publish = yield* makePublisher(stream, (outcome) => readiness.observe(outcome))
  yield* Effect.forkScoped(
    probe(readiness, publish, nats, (sequence) => manager.streams.deleteMessage(stream, sequence, false))
  )
  yield* Effect.forkScoped(leave(readiness, nats))
  yield* Effect.forkScoped(inspect(readiness, async () => flawOf(await manager.streams.info(stream))))
  const reader = makeReader(nats, manager)
  const append = (entry: Entry) =>
    Effect.suspend(() =>
      readiness.isBack
        ? publish({ subject: entry.subject, headers: headersOf(entry), body: entry.body })
        : Effect.fail(notBack)
    )
  const tracing = yield* Tracing
  return EventLog.of({
    append: tracing === undefined ? append : (entry) => tracing.append(stream, entry, append),
    get: (sequence) => Effect.withSpan(entryAt(manager, stream, sequence), "EventLog.get"),
    read: reader.read,
    first: reader.first,
    count: reader.count,
    sequenceAt: reader.sequenceAt,
    erase: (sequence) => Effect.withSpan(erase(manager, stream, sequence), "EventLog.erase"),
    state: Effect.map(reading(() => manager.streams.info(stream)), stateOf),
    census: Effect.map(
      reading(() => manager.streams.info(stream, { subjects_filter: ">" })),
      (info) => ({ ...stateOf(info), subjects: info.state.subjects ?? {} })
    ),
    health: Effect.suspend(() => explained(readiness.health, options.explain)),
    durability: durabilityOf({
      serverVersion: nats.serverVersion(),
      syncsBeforeAck: options.syncsBeforeAck,
      replicas: info.config.num_replicas
    }),
    maxBodyBytes: maxBodyBytes(nats, info)
  })
})

const explained = (health: Health, explain: JetStreamOptions["explain"] = Effect.succeed(undefined)) =>
  health.ready
    ? Effect.succeed(health)
    : Effect.map(
      explain,
      (note): Health => note === undefined ? health : { ready: false, reason: `${health.reason}; ${note}` }
    )

const notBack = new AppendFailed({
  reason: "disconnected",
  message: "the broker has not acknowledged a publish since the outage"
})

// Maximum size of our headers in bytes: the id twice (200 bytes each), the type and the others.
const headerRoom = 2_048

const maxBodyBytes = (nats: Nats["Service"], { config }: StreamInfo) =>
  Math.min(
    nats.connection.info?.max_payload ?? 1_048_576,
    config.max_msg_size > 0 ? config.max_msg_size : Infinity
  ) - headerRoom

const stateOf = ({ config, created, state }: StreamInfo): LogState => ({
  entries: state.messages,
  bytes: state.bytes,
  firstSequence: state.first_seq,
  lastSequence: state.last_seq,
  created,
  dedupWindow: config.duplicate_window / 1e6,
  retention: config.max_age === 0 ? undefined : config.max_age / 1e6,
  replicas: config.num_replicas
})
