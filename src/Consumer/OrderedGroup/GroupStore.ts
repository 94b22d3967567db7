import { Effect, Schema } from "effect"
import { DiscardPolicy, type JetStreamManager, type JetStreamPublishOptions, StorageType } from "nats"
import { Buffer } from "node:buffer"
import { ReadFailed } from "../../EventLog/EventLog.ts"
import { groupBucket, groupStream, groupSubject, stream } from "../../EventLog/Names.ts"
import { makeReader, reading } from "../../EventLog/Reader.ts"
import { JetStreamCode, unless } from "../../Nats/JetStreamCode.ts"
import type { Nats } from "../../Nats/Nats.ts"
import type { PartitionRecord, Revised, Snapshot } from "./GroupRecords.ts"
import type { Sign } from "./Silence.ts"

/** The configuration that all members of a group share. */
export const GroupConfig = Schema.Struct({
  partitions: Schema.Int,
  /** Its partitions start after this sequence. */
  after: Schema.Int,
  /** In alphabetical order; null for all. Undefined in a group of an earlier version. */
  types: Schema.optional(Schema.NullOr(Schema.Array(Schema.String))),
  /** The hashes of the keys that its key function gives to samples. Undefined in a group of an earlier version. */
  keys: Schema.optional(Schema.Record(Schema.String, Schema.Number))
})
export type GroupConfig = typeof GroupConfig.Type

/**
 * An event of the log that a member has read. It identifies the log: another log has another event at this sequence.
 */
export const Anchor = Schema.Struct({
  /** When the log's stream was created; undefined without permission to know. */
  created: Schema.optional(Schema.String),
  sequence: Schema.Int,
  id: Schema.String
})
export type Anchor = typeof Anchor.Type

const Partition = Schema.Struct({
  owner: Schema.NullOr(Schema.String),
  token: Schema.NullOr(Schema.Int),
  checkpoint: Schema.Int
})

/** A heartbeat. An earlier version does not state its lease. */
const Heartbeat = Schema.Struct({ lease: Schema.optional(Schema.Finite) })

/** The contents of the store for a group. */
export interface Contents extends Snapshot {
  readonly config: GroupConfig | undefined
  readonly anchor: Anchor | undefined
  /** When the bucket was created. Another time means another bucket, whose revisions have started again. */
  readonly created: string
}

/** The broker reports that the bucket of all groups is deleted. It can be neither read nor written. */
export class BucketMissing extends Schema.TaggedError<BucketMissing>()("BucketMissing", {
  message: Schema.String
}) {}

/** The shared state of the members of one group. Keys: `<group>.config`, `.log`, `.member.<id>`, `.partition.<n>`. */
export interface GroupStore {
  /**
   * Stores the configuration if it has the `expected` revision, 0 for none. Undefined when it has another revision.
   */
  readonly configure: (
    config: GroupConfig,
    expected: number
  ) => Effect.Effect<GroupConfig | undefined, ReadFailed>
  readonly configured: Effect.Effect<
    { readonly config: GroupConfig; readonly revision: number } | undefined,
    ReadFailed
  >
  readonly read: Effect.Effect<Contents, ReadFailed>
  /** Writes a heartbeat and returns its revision. */
  readonly heartbeat: (member: string, lease: number) => Effect.Effect<number, ReadFailed | BucketMissing>
  readonly removeMember: (member: string) => Effect.Effect<void, ReadFailed>
  readonly anchor: (anchor: Anchor) => Effect.Effect<void, ReadFailed>
  /**
   * Writes a record if it has the `expected` revision, 0 for none. Returns the new revision; undefined when the
   * record had another one.
   */
  readonly write: (
    partition: number,
    record: PartitionRecord,
    expected: number
  ) => Effect.Effect<number | undefined, ReadFailed>
}

/** Opens a group's store and creates the bucket when it does not exist. */
export const open = Effect.fnUntraced(
  function*(nats: Nats["Service"], manager: JetStreamManager, group: string) {
    yield* reading(() => ensureBucket(manager))
    const { follow } = makeReader(nats, manager, { stream: groupStream })
    const jetstream = nats.connection.jetstream({ timeout: answerTimeout })
    const subject = (key: string) => groupSubject(`${group}.${key}`)
    const publish = (key: string, value: unknown, options: Partial<JetStreamPublishOptions> = {}) =>
      jetstream.publish(subject(key), JSON.stringify(value), options)
    const put = (key: string, value: unknown) => reading(async () => (await publish(key, value)).seq)
    const putOn = (key: string, value: unknown, expected: number) =>
      reading(async () => {
        const ack = publish(key, value, { expect: { lastSubjectSequence: expected } })
        return (await ack.catch(unless(JetStreamCode.wrongLastSequence)))?.seq
      })
    const entries = Effect.map(
      follow({ after: 0, limit: 10_000, filter: subject(">") }),
      (found) =>
        found.map(({ body, sequence, subject: name }) => ({
          key: name.slice(subject("").length),
          revision: sequence,
          value: Buffer.from(body).toString()
        }))
    )
    const created = createdOf(manager)
    return {
      configured: Effect.map(entries, (found) => {
        const config = found.find(({ key }) => key === "config")
        return config && { config: decodeConfig(config.value), revision: config.revision }
      }),
      configure: (config, expected) =>
        Effect.map(
          putOn("config", config, expected),
          (written) => written === undefined ? undefined : config
        ),
      read: Effect.zipWith(entries, created, (found, created) => ({ ...contentsOf(found), created })).pipe(
        Effect.catchTag("BucketMissing", ({ message }) => Effect.fail(new ReadFailed({ message })))
      ),
      // A publish to a missing stream fails only with a missing answer. The second request finds the reason.
      heartbeat: (member, lease) => Effect.tapError(put(`member.${member}`, { lease }), () => created),
      // Unlike a deletion, a purge leaves no marker.
      removeMember: (member) =>
        Effect.asVoid(
          reading(() => manager.streams.purge(groupStream, { filter: subject(`member.${member}`) }))
        ),
      anchor: (anchor) => Effect.asVoid(put("log", anchor)),
      write: (partition, record, expected) => putOn(`partition.${partition}`, record, expected)
    } satisfies GroupStore
  }
)

/** Timeout of a request to the broker, in milliseconds. */
const answerTimeout = 2_000

const decodeConfig = Schema.decodeUnknownSync(Schema.fromJsonString(GroupConfig))
const decodePartition = Schema.decodeUnknownSync(Schema.fromJsonString(Partition))
const decodeHeartbeat = Schema.decodeUnknownSync(Schema.fromJsonString(Heartbeat))
const decodeAnchor = Schema.decodeUnknownSync(Schema.fromJsonString(Anchor))

const contentsOf = (
  entries: ReadonlyArray<{ readonly key: string; readonly revision: number; readonly value: string }>
) => {
  const members = new Map<string, Sign>()
  const partitions = new Map<number, Revised>()
  let config: GroupConfig | undefined
  let anchor: Anchor | undefined
  for (const { key, revision, value } of entries) {
    const [kind, name = ""] = key.split(".")
    if (kind === "config") config = decodeConfig(value)
    if (kind === "log") anchor = decodeAnchor(value)
    if (kind === "member") members.set(name, { revision, ...decodeHeartbeat(value) })
    if (kind === "partition") partitions.set(Number(name), { revision, record: decodePartition(value) })
  }
  return { members, partitions, config, anchor }
}

const missing =
  `the bucket ${groupBucket} of all ordered groups is missing: it was deleted. Restore it. Or use another consumer `
  + "name, and set `from` to its start"

const infoOf = (manager: JetStreamManager) =>
  manager.streams.info(groupStream).catch(unless(JetStreamCode.streamNotFound))

const createdOf = (manager: JetStreamManager) =>
  Effect.flatMap(reading(() => infoOf(manager)), (found) =>
    found === undefined
      ? Effect.fail(new BucketMissing({ message: missing }))
      : Effect.succeed(found.created))

/** Creates the bucket as NATS ADR-8 defines it, with one value per key. */
const ensureBucket = async (manager: JetStreamManager) => {
  const found = await infoOf(manager)
  if (found !== undefined) return
  const { config } = await manager.streams.info(stream)
  await manager.streams.add({
    name: groupStream,
    subjects: [groupSubject(">")],
    storage: StorageType.File,
    num_replicas: config.num_replicas,
    max_msgs_per_subject: 1,
    discard: DiscardPolicy.New,
    allow_rollup_hdrs: true,
    deny_delete: true,
    allow_direct: true
  })
}
