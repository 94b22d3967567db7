import { Effect, Layer, Schema } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { isSqlError } from "effect/sql/SqlError"
import { DiscardPolicy, type JetStreamManager, StorageType, type StreamInfo } from "nats"
import { EventLog } from "../../EventLog/EventLog.ts"
import { erasedStream, erasedSubject, erasedSubjects } from "../../EventLog/Names.ts"
import { makePublisher, type Publish } from "../../EventLog/Publisher.ts"
import { reading } from "../../EventLog/Reader.ts"
import { JetStreamCode, unless } from "../../Nats/JetStreamCode.ts"
import { managerOf } from "../../Nats/Manager.ts"
import { Nats } from "../../Nats/Nats.ts"
import { messageOf } from "../../Process/Failure.ts"

/** Interval between two checks. */
const every = "1 second"

/** Maximum number of hashes that are published at a time. */
const pageSize = 500

/**
 * Publishes the hashes of erased ids to the broker, where receivers read them. It publishes what the broker does not
 * have yet, and logs the first of several failures.
 */
export const layer = Layer.effectDiscard(Effect.gen(function*() {
  const nats = yield* Nats
  const manager = yield* managerOf(nats)
  const publish = yield* makePublisher(erasedStream)
  let compared = false
  let failing = false
  let seen: StreamInfo | undefined
  yield* nats.onChange(() => compared = false)

  const step = Effect.gen(function*() {
    if (seen !== undefined && hasLost(yield* infoOf(manager), seen)) compared = false
    // Compare once after each connect: the broker can have lost its last messages, or the whole stream.
    const compares = !compared
    compared = true
    let hasHashes = compares && (yield* unpublishLost(manager))
    for (let hashes = yield* unpublished; hashes.length > 0; hashes = yield* unpublished) {
      hasHashes = true
      const created = yield* ensureStream(manager)
      if (created) yield* unpublishAll
      else yield* publishAll(publish, hashes.map(({ hash }) => hash))
    }
    if (hasHashes) seen = (yield* infoOf(manager)) ?? seen
    failing = false
  }).pipe(Effect.catch((error) => {
    compared = false
    // The health of the database and of the connection is already reported.
    const told = failing || !nats.isConnected() || isSqlError(error)
    failing ||= nats.isConnected() && !isSqlError(error)
    return told ? Effect.void : Effect.logWarning(notPublished(messageOf(error)))
  }))

  yield* Effect.forkScoped(Effect.forever(Effect.andThen(step, Effect.sleep(every))))
}))

const decodeHashes = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ hash: Schema.String })))

const unpublished = Effect.gen(function*() {
  const sql = yield* SqlClient
  return yield* Effect.flatMap(
    sql`select encode(hash, 'hex') as hash from erased_ids where not published order by erased_ids.hash limit ${pageSize}`,
    decodeHashes
  )
})

/** Publishes one message for each hash, and records that the broker has them. */
const publishAll = Effect.fnUntraced(function*(publish: Publish, hashes: ReadonlyArray<string>) {
  const sql = yield* SqlClient
  yield* Effect.forEach(
    hashes,
    (hash) => publish({ subject: erasedSubject(hash), headers: [], body: new Uint8Array() }),
    { concurrency: "unbounded", discard: true }
  )
  yield* sql`update erased_ids set published = true where hash in (
    select decode(value, 'hex') from jsonb_array_elements_text(${JSON.stringify(hashes)}::text::jsonb))`
})

/** Whether the stream was deleted, or has fewer hashes than before. */
const hasLost = (now: StreamInfo | undefined, seen: StreamInfo) =>
  now === undefined || now.created !== seen.created || now.state.messages < seen.state.messages

/**
 * If the broker has another number of hashes than the database has published, marks all of them as unpublished.
 * Returns whether any was published.
 */
const unpublishLost = Effect.fnUntraced(function*(manager: JetStreamManager) {
  const sql = yield* SqlClient
  const [{ count }] = yield* Effect.flatMap(
    sql`select count(*)::float8 as count from erased_ids where published`,
    decodeCount
  )
  if (count === 0) return false
  const info = yield* infoOf(manager)
  if (info?.state.messages !== count) yield* unpublishAll
  return true
})

const unpublishAll = Effect.flatMap(
  SqlClient,
  (sql) => sql`update erased_ids set published = false where published`
)

const decodeCount = Schema.decodeUnknownEffect(Schema.Tuple([Schema.Struct({ count: Schema.Finite })]))

const infoOf = (manager: JetStreamManager) =>
  reading(() => manager.streams.info(erasedStream).catch(unless(JetStreamCode.streamNotFound)))

/** Creates the stream, with one message for each hash, unless it exists. Returns whether it was created. */
const ensureStream = Effect.fnUntraced(function*(manager: JetStreamManager) {
  if ((yield* infoOf(manager)) !== undefined) return false
  const { replicas } = yield* (yield* EventLog).state
  yield* reading(() =>
    manager.streams.add({
      name: erasedStream,
      subjects: [erasedSubjects],
      storage: StorageType.File,
      discard: DiscardPolicy.New,
      max_msgs_per_subject: 1,
      num_replicas: replicas
    })
  )
  return true
})

const notPublished = (why: string) =>
  `the hashes of erased ids cannot be published: ${why}. Receivers store an erased event that 3QPR sends again, and it `
  + "is erased again. This is retried"
