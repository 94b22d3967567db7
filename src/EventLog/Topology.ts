import { Duration, Effect, Schema } from "effect"
import {
  DiscardPolicy,
  type JetStreamManager,
  nanos,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo
} from "nats"
import { retrySchedule } from "../Domain/RetrySchedule.ts"
import { JetStreamCode, unless } from "../Nats/JetStreamCode.ts"
import { messageOf } from "../Process/Failure.ts"
import type { AfterElection } from "./Election.ts"
import {
  allDeadSubjects,
  allSubjects,
  deadLetterStream,
  eventSubjects,
  operationStream,
  operationSubjects,
  quarantineSubjects,
  redriveStream,
  redriveSubjects,
  stream
} from "./Names.ts"

/** Settings for streams that do not exist yet. */
export interface TopologyOptions {
  /** Milliseconds. */
  readonly dedupWindow: number
  /** Milliseconds. Undefined keeps events without a limit. */
  readonly retention?: number | undefined
  readonly replicas: number
}

/** The stream on this broker cannot keep our promises, or cannot be created. The broker is left unchanged. */
export class TopologyRefused
  extends Schema.TaggedError<TopologyRefused>()("TopologyRefused", { message: Schema.String })
{}

/**
 * Creates missing streams and checks existing ones. A stream that could lose or hide messages is refused. An event
 * stream that only differs from the settings is used as it is, with a warning.
 */
export const ensure = Effect.fn("Topology.ensure")(
  function*(manager: JetStreamManager, options: TopologyOptions, afterElection: AfterElection) {
    const ensureStream = ensureOne(manager, afterElection)
    const events = yield* ensureStream(eventsConfig(options))
    const refuse = (flaw: string | undefined) =>
      flaw === undefined ? Effect.void : Effect.fail(new TopologyRefused({ message: flaw }))
    yield* refuse(flawOf(events))
    for (const difference of differences(events, options)) yield* Effect.logWarning(difference)
    for (const config of operatedConfigs(options)) yield* refuse(operatedFlawOf(yield* ensureStream(config)))
    return events
  }
)

const eventsConfig = (options: TopologyOptions) => ({
  name: stream,
  subjects: [eventSubjects, quarantineSubjects],
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
    discard: DiscardPolicy.New,
    // A restarted operation can publish the same record twice. The stream keeps the first.
    duplicate_window: nanos(7_200_000),
    num_replicas: options.replicas
  }
  return operated.map((own) => ({ ...common, ...own }))
}

/** The streams other than the event stream. */
const operated = [
  { name: deadLetterStream, subjects: [allDeadSubjects], retention: RetentionPolicy.Limits },
  { name: redriveStream, subjects: [redriveSubjects], retention: RetentionPolicy.Workqueue },
  { name: operationStream, subjects: [operationSubjects], retention: RetentionPolicy.Limits }
]

const ensureOne =
  (manager: JetStreamManager, afterElection: AfterElection) =>
  (config: Partial<StreamConfig> & { name: string }) =>
    afterElection(async () => {
      const found = await manager.streams.info(config.name).catch(unless(JetStreamCode.streamNotFound))
      return found ?? await manager.streams.add(config)
    }).pipe(
      Effect.mapError((error) =>
        new TopologyRefused({
          message:
            `The stream ${config.name} cannot be read or created: ${
              messageOf(error)
            }. The broker must have JetStream enabled, space for file storage, and at least ${config.num_replicas} `
            + "server(s) for STREAM_REPLICAS. The credentials must allow the JetStream API."
        })
      )
    )

type Info = Pick<StreamInfo, "config">

/** Every reason why this stream could lose, hide or duplicate events. */
export const faultsOf = (info: Info): ReadonlyArray<string> => {
  const window = info.config.duplicate_window / 1e6
  return [
    ...settingFaults(info, RetentionPolicy.Limits),
    ...(window < retrySchedule
      ? [`its duplicate window is ${duration(window)}; 3QPR retries for ${duration(retrySchedule)}`]
      : []),
    ...subjectFaults(info, [eventSubjects, quarantineSubjects])
  ]
}

/** Every setting with which one of our streams could lose or hide messages. */
const settingFaults = ({ config }: Info, retention: RetentionPolicy): ReadonlyArray<string> =>
  [
    config.storage !== StorageType.File && `its storage is ${config.storage}; it must be file`,
    config.retention !== retention && `its retention is ${config.retention}; it must be ${retention}`,
    config.discard !== DiscardPolicy.New
    && `its discard policy is ${config.discard}, which drops messages that were not read; it must be new`,
    config.max_msgs_per_subject > 0
    && `max_msgs_per_subject is ${config.max_msgs_per_subject}, which drops older messages; it must be -1`,
    config.no_ack && "it does not acknowledge messages (no_ack); no_ack must be off",
    config.sealed && "it is sealed; nothing can be appended",
    config.deny_delete && "deny_delete keeps personal data from being erased; it must be off",
    config.deny_purge && "deny_purge keeps messages from being removed; it must be off",
    config.allow_rollup_hdrs && "allow_rollup_hdrs lets one message replace others; it must be off",
    config.mirror && `it is a mirror of ${config.mirror.name}; it must not be a mirror`,
    (config.sources ?? []).length > 0 &&
    "it has sources, which add messages without a verified signature; it must have none",
    config.subject_transform && "subject_transform moves messages to other subjects; it must have none",
    (config.consumer_limits?.inactive_threshold ?? 0) > 0
    && "consumer_limits.inactive_threshold deletes durable consumers; it must be 0"
  ].filter((fault) => typeof fault === "string")

const subjectFaults = ({ config }: Info, wanted: ReadonlyArray<string>) =>
  wanted.filter((subject) => !(config.subjects ?? []).some((own) => own === subject || own === allSubjects))
    .map((subject) => `its subjects do not include ${subject}`)

/** Why the event stream would not keep our promises, and how to fix it. Undefined if it keeps them. */
export const flawOf = (info: Info) => flaw(stream, faultsOf(info))

const flaw = (name: string, faults: ReadonlyArray<string>) =>
  faults.length === 0
    ? undefined
    : `The stream ${name} on this broker is configured so that events could be lost: ${faults.join("; ")}. `
      + `Change it (\`nats stream edit ${name}\`), or delete it if another program created it. This program never changes it.`

/** Like `flawOf`, for a stream other than the event stream. */
export const operatedFlawOf = (info: Info) => flaw(info.config.name, operatedFaultsOf(info))

/** Every reason why a stream other than the event stream could lose or hide messages. */
export const operatedFaultsOf = (info: Info): ReadonlyArray<string> => {
  const own = operated.find(({ name }) => name === info.config.name)
  if (own === undefined) return []
  return [
    ...settingFaults(info, own.retention),
    ...(info.config.max_age > 0
      ? [`max_age drops its messages after ${duration(info.config.max_age / 1e6)}; it must be 0`]
      : []),
    ...subjectFaults(info, own.subjects)
  ]
}

/** Why the streams other than the event stream would not keep our promises. Undefined if they keep them. */
export const operatedFlaw = async (manager: JetStreamManager) => {
  const found = await Promise.all(operated.map(async ({ name }) => {
    const info = await manager.streams.info(name).catch(unless(JetStreamCode.streamNotFound))
    return info === undefined
      ? `The stream ${name} no longer exists. Start a process of this program again: it creates the stream.`
      : operatedFlawOf(info)
  }))
  const flaws = found.filter((flaw) => flaw !== undefined)
  return flaws.length === 0 ? undefined : flaws.join(" ")
}

const differences = ({ config }: StreamInfo, options: TopologyOptions): ReadonlyArray<string> => {
  const compare = (name: string, actual: string, set: string) =>
    actual === set ? [] : [
      `The stream ${stream} has ${name} ${actual}, but the settings say ${set}. The stream is used as it is. `
      + `To change it, run \`nats stream edit ${stream}\`.`
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
