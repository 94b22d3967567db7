import { Effect, Schema } from "effect"
import { DiscardPolicy, type JetStreamManager, NatsError, StorageType } from "nats"
import { Buffer } from "node:buffer"
import { type ReadFailed, stream as eventStream } from "../EventLog.ts"
import { makeReader, reading } from "../EventLog/Reader.ts"
import type { Nats } from "../Nats.ts"
import type { PartitionRecord, Snapshot } from "./Member.ts"

/** The JetStream KV bucket of all ordered groups, and the stream under it. */
export const bucket = "3QPR_GROUPS"
export const bucketStream = `KV_${bucket}`

/** What a group was created with; it never changes. */
export const GroupConfig = Schema.Struct({
  partitions: Schema.Int,
  /** Its partitions begin behind this sequence. */
  after: Schema.Int
})
export type GroupConfig = typeof GroupConfig.Type

const Partition = Schema.Struct({
  owner: Schema.NullOr(Schema.String),
  token: Schema.NullOr(Schema.Int),
  checkpoint: Schema.Int
})

/** What the members of one group know of each other. Keys: `<group>.config`, `.member.<id>`, `.partition.<n>`. */
export interface Store {
  /** The group's configuration; this one, if it has none yet. */
  readonly configure: (config: GroupConfig) => Effect.Effect<GroupConfig, ReadFailed>
  readonly configured: Effect.Effect<GroupConfig | undefined, ReadFailed>
  readonly read: Effect.Effect<Snapshot, ReadFailed>
  readonly heartbeat: (member: string) => Effect.Effect<void, ReadFailed>
  readonly forget: (member: string) => Effect.Effect<void, ReadFailed>
  /** Writes on one revision only, 0 for none; the new revision, or undefined when it was another one. */
  readonly write: (
    partition: number,
    record: PartitionRecord,
    expected: number
  ) => Effect.Effect<number | undefined, ReadFailed>
}

/** Opens a group's store; creates the bucket when there is none. */
export const open = Effect.fnUntraced(
  function*(nats: Nats["Service"], manager: JetStreamManager, group: string) {
    yield* reading(() => ensureBucket(manager))
    const { follow } = makeReader(nats, manager, { stream: bucketStream })
    const jetstream = nats.connection.jetstream({ timeout: answerTimeout })
    const subject = (key: string) => `$KV.${bucket}.${group}.${key}`
    const put = (key: string, value: unknown, expected?: number) =>
      reading(async () => {
        try {
          const ack = await jetstream.publish(subject(key), JSON.stringify(value), {
            ...(expected !== undefined && { expect: { lastSubjectSequence: expected } })
          })
          return ack.seq
        } catch (error) {
          if (error instanceof NatsError && error.api_error?.err_code === wrongLastSequence) return undefined
          throw error
        }
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
    const configured = Effect.map(entries, (found) => {
      const config = found.find(({ key }) => key === "config")
      return config && decodeConfig(config.value)
    })
    const store: Store = {
      configured,
      configure: Effect.fnUntraced(function*(config) {
        const written = yield* put("config", config, 0)
        return written === undefined ? (yield* configured) ?? config : config
      }),
      read: Effect.map(entries, snapshotOf),
      heartbeat: (member) => Effect.asVoid(put(`member.${member}`, {})),
      // Nothing is left of it, not even a mark that it was deleted.
      forget: (member) =>
        Effect.asVoid(
          reading(() => manager.streams.purge(bucketStream, { filter: subject(`member.${member}`) }))
        ),
      write: (partition, record, expected) => put(`partition.${partition}`, record, expected)
    }
    return store
  }
)

/** How long the broker may take, in milliseconds. */
const answerTimeout = 2_000

const wrongLastSequence = 10071

const decodeConfig = Schema.decodeUnknownSync(Schema.fromJsonString(GroupConfig))
const decodePartition = Schema.decodeUnknownSync(Schema.fromJsonString(Partition))

const snapshotOf = (
  entries: ReadonlyArray<{ readonly key: string; readonly revision: number; readonly value: string }>
): Snapshot => {
  const members = new Map<string, number>()
  const partitions = new Map<number, { readonly revision: number; readonly record: PartitionRecord }>()
  for (const { key, revision, value } of entries) {
    const [kind, name = ""] = key.split(".")
    if (kind === "member") members.set(name, revision)
    if (kind === "partition") partitions.set(Number(name), { revision, record: decodePartition(value) })
  }
  return { members, partitions }
}

/** As NATS ADR-8 has a bucket, with one value a key. */
const ensureBucket = async (manager: JetStreamManager) => {
  const found = await manager.streams.info(bucketStream).catch((error: unknown) => {
    if (error instanceof NatsError && error.api_error?.err_code === streamNotFound) return undefined
    throw error
  })
  if (found !== undefined) return
  const { config } = await manager.streams.info(eventStream)
  await manager.streams.add({
    name: bucketStream,
    subjects: [`$KV.${bucket}.>`],
    storage: StorageType.File,
    num_replicas: config.num_replicas,
    max_msgs_per_subject: 1,
    discard: DiscardPolicy.New,
    allow_rollup_hdrs: true,
    deny_delete: true,
    allow_direct: true
  })
}

const streamNotFound = 10059
