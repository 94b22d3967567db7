import { Duration, Effect, Schema } from "effect"
import {
  DiscardPolicy,
  type JetStreamManager,
  nanos,
  NatsError,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo
} from "nats"
import { retrySchedule, stream } from "../EventLog.ts"
import { messageOf } from "../Failure.ts"
import type { AfterElection } from "./Election.ts"

/** The stream that keeps poison events aside, with the error that made them so. */
export const deadLetterStream = "3QPR_DEAD_LETTERS"

/** The work queue of redrives: each request is for one consumer, and gone when that has settled it. */
export const redriveStream = "3QPR_REDRIVES"

/** The record of what operators did with dead letters and quarantined entries. */
export const operationStream = "3QPR_OPERATIONS"

/** What a stream that does not exist yet is created with. */
export interface TopologyOptions {
  /** Milliseconds. */
  readonly dedupWindow: number
  /** Milliseconds; undefined keeps events for ever. */
  readonly retention?: number | undefined
  readonly replicas: number
}

/** The stream on this broker cannot keep our promises, or cannot be created. Nothing was altered. */
export class TopologyRefused
  extends Schema.TaggedError<TopologyRefused>()("TopologyRefused", { message: Schema.String })
{}

/**
 * Creates the streams that are missing and checks the event stream that is there. A stream that could
 * lose events is refused; one that merely differs from our settings is used as it is, and said so.
 */
export const ensure = Effect.fn("Topology.ensure")(
  function*(manager: JetStreamManager, options: TopologyOptions, afterElection: AfterElection) {
    const ensureStream = ensureOne(manager, afterElection)
    const events = yield* ensureStream(eventsConfig(options))
    const flaw = flawOf(events)
    if (flaw !== undefined) return yield* new TopologyRefused({ message: flaw })
    for (const difference of differences(events, options)) yield* Effect.logWarning(difference)
    for (const config of operatedConfigs(options)) yield* ensureStream(config)
    return events
  }
)

const eventsConfig = (options: TopologyOptions) => ({
  name: stream,
  subjects: ["3qpr.events.>", "3qpr.quarantine.>"],
  storage: StorageType.File,
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.New,
  duplicate_window: nanos(options.dedupWindow),
  max_age: options.retention === undefined ? 0 : nanos(options.retention),
  num_replicas: options.replicas
})

const operatedConfigs = (options: TopologyOptions) => {
  const common = {
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    // What an operation says twice, after it was interrupted, is kept once.
    duplicate_window: nanos(7_200_000),
    num_replicas: options.replicas
  }
  return [
    { ...common, name: deadLetterStream, subjects: ["3qpr.dead.>"] },
    { ...common, name: redriveStream, subjects: ["3qpr.redrive.>"], retention: RetentionPolicy.Workqueue },
    { ...common, name: operationStream, subjects: ["3qpr.operations.>"] }
  ]
}

const ensureOne =
  (manager: JetStreamManager, afterElection: AfterElection) =>
  (config: Partial<StreamConfig> & { name: string }) =>
    afterElection(async () => {
      const found = await manager.streams.info(config.name).catch((error: unknown) => {
        if (error instanceof NatsError && error.api_error?.err_code === streamNotFound) return undefined
        throw error
      })
      return found ?? await manager.streams.add(config)
    }).pipe(
      Effect.mapError((error) =>
        new TopologyRefused({
          message:
            `The stream ${config.name} can be neither read nor created: ${
              messageOf(error)
            }. The broker must have JetStream enabled, room for file storage, at least ${config.num_replicas} `
            + "server(s) for STREAM_REPLICAS, and our credentials must allow the JetStream API."
        })
      )
    )

const streamNotFound = 10059

/** Each reason why events could be lost or stored twice in this stream. */
export const faultsOf = ({ config }: Pick<StreamInfo, "config">): ReadonlyArray<string> => {
  const window = config.duplicate_window / 1e6
  return [
    config.storage !== StorageType.File && `its storage is ${config.storage}; it must be file`,
    config.retention !== RetentionPolicy.Limits && `its retention is ${config.retention}; it must be limits`,
    config.discard !== DiscardPolicy.New
    && `its discard policy is ${config.discard}, which drops events that nobody has read; it must be new`,
    config.no_ack && "it does not acknowledge (no_ack); it must",
    config.sealed && "it is sealed; nothing can be appended",
    window < retrySchedule
    && `its duplicate window is ${duration(window)}; 3QPR retries for ${duration(retrySchedule)}`,
    !covers(config.subjects, "3qpr.events.>") && "its subjects do not include 3qpr.events.>",
    !covers(config.subjects, "3qpr.quarantine.>") && "its subjects do not include 3qpr.quarantine.>"
  ].filter((fault) => typeof fault === "string")
}

const covers = (subjects: ReadonlyArray<string>, wanted: string) =>
  subjects.some((subject) => subject === wanted || subject === "3qpr.>")

/** Why the event stream would not keep our promises, and what to do; undefined when it does. */
export const flawOf = (info: Pick<StreamInfo, "config">) => {
  const faults = faultsOf(info)
  return faults.length === 0
    ? undefined
    : `The stream ${stream} on this broker would not keep our promises: ${faults.join("; ")}. `
      + `Change it (\`nats stream edit ${stream}\`), or remove it if it is not ours; it is never altered by `
      + "this program."
}

const differences = ({ config }: StreamInfo, options: TopologyOptions): ReadonlyArray<string> => {
  const compare = (name: string, actual: string, set: string) =>
    actual === set ? [] : [
      `The stream ${stream} has ${name} ${actual}, the settings say ${set}. The stream is used as it is; `
      + `\`nats stream edit ${stream}\` changes it.`
    ]
  return [
    ...compare(
      "the duplicate window",
      duration(config.duplicate_window / 1e6),
      duration(options.dedupWindow)
    ),
    ...compare("the retention", age(config.max_age / 1e6), age(options.retention ?? 0)),
    ...compare("replicas:", String(config.num_replicas), String(options.replicas))
  ]
}

const duration = (millis: number) => Duration.format(Duration.millis(millis))

const age = (millis: number) => millis === 0 ? "unlimited" : duration(millis)
