import { Effect, Layer, Option, Stream } from "effect"
import type { JetStreamManager } from "nats"
import { createHash } from "node:crypto"
import type { Result } from "../../Domain/Operation.ts"
import { JetStreamCode, unless } from "../../Nats/JetStreamCode.ts"
import { managerOf } from "../../Nats/Manager.ts"
import { Nats } from "../../Nats/Nats.ts"
import { messageOf } from "../../Process/Failure.ts"
import { ingest } from "../../Process/Metrics.ts"
import { entriesOf } from "../Entries.ts"
import { ErasedIds } from "../ErasedIds.ts"
import type { ReadFailed } from "../EventLog.ts"
import { erasedStream, erasedSubject, operationStream, operationSubject } from "../Names.ts"
import { lastOf, makeReader, reading } from "../Reader.ts"
import { HashFilter } from "./HashFilter.ts"

/** Interval between two checks of the stream of hashes. */
const every = "1 second"

/** Interval while the broker refuses, for example because our user lacks the permission. */
const refused = "30 seconds"

/** Maximum time that a delivery waits for the confirmation that its id is erased. An append also needs time. */
const patience = "1 second"

/**
 * Number of sequences that are read again after a reconnect. After a restart, the broker can reuse the sequences of
 * the messages that it stored last.
 */
const reused = 10_000

/** Knows the hashes on the broker, and those that are added, until the scope ends. It delays no start. */
export const layer = Layer.effect(
  ErasedIds,
  Effect.gen(function*() {
    const nats = yield* Nats
    const manager = yield* managerOf(nats)
    const hashes = new HashFilter()
    yield* Effect.forkScoped(follow(nats, manager, hashes))
    return {
      mayHave: (id) => !hashes.isEmpty && hashes.has(hashOf(id)),
      has: (id) =>
        lastOf(manager, erasedStream, erasedSubject(hashOf(id))).pipe(
          Effect.map(Option.isSome),
          Effect.timeout(patience),
          // The append that follows reports a broker that does not answer.
          Effect.catch(() => Effect.succeed(false))
        )
    } satisfies ErasedIds
  })
)

/** The SHA-256 of an id in hexadecimal. */
const hashOf = (id: string) => createHash("sha256").update(id).digest("hex")

/** Why this receiver does not know the hashes. */
type Fault = { readonly _tag: "Unreadable"; readonly why: string } | { readonly _tag: "Missing" }

/** Follows the stream of hashes. The gauge shows whether they are known. Each kind of fault is logged once. */
const follow = Effect.fnUntraced(function*(
  nats: Nats["Service"],
  manager: JetStreamManager,
  hashes: HashFilter
) {
  let connections = 0
  let told: Fault["_tag"] | undefined
  ingest.erasedIdsKnown(false)
  yield* nats.onChange(() => {
    connections++
    ingest.erasedIdsKnown(false)
  })
  const update = updater(nats, manager, hashes)

  const check = Effect.gen(function*() {
    const connection = connections
    const fault = yield* update(connection).pipe(
      Effect.catch((error) => Effect.succeed<Fault>({ _tag: "Unreadable", why: messageOf(error) }))
    )
    ingest.erasedIdsKnown(fault === undefined && connection === connections)
    // The lost connection is already logged.
    if (fault?._tag === told || (fault !== undefined && !nats.isConnected())) return
    told = fault?._tag
    yield* fault === undefined
      ? Effect.logInfo("the ids of erased events are known again")
      : Effect.logWarning(messageOfFault(fault))
  })

  const pause = Effect.suspend(() => Effect.sleep(told === "Unreadable" ? refused : every))
  yield* Effect.forever(Effect.andThen(check, pause))
})

/**
 * Adds the hashes of the stream to the filter, at first all of them. While the stream is missing, its hashes are not
 * known, unless nothing was erased yet. Hashes of a deleted stream stay in the filter, because each hit is confirmed.
 */
const updater = (nats: Nats["Service"], manager: JetStreamManager, hashes: HashFilter) => {
  const { read } = makeReader(nats, manager, { stream: erasedStream })
  const hasErased = erasedBefore(manager)
  let at = { created: "", sequence: 0, connection: 0 }
  let missing = { connection: -1, erased: false }
  return Effect.fnUntraced(function*(connection: number): Effect.fn.Return<Fault | undefined, ReadFailed> {
    const info = yield* reading(() =>
      manager.streams.info(erasedStream).catch(unless(JetStreamCode.streamNotFound))
    )
    if (info === undefined) {
      // Later erasures create the stream.
      if (connection !== missing.connection) missing = { connection, erased: yield* hasErased }
      return at.created === "" && !missing.erased ? undefined : { _tag: "Missing" }
    }
    const { created, state: { last_seq: last } } = info
    const after = created !== at.created
      ? 0
      : connection !== at.connection || last < at.sequence
      ? Math.max(0, Math.min(last, at.sequence) - reused)
      : at.sequence
    yield* Stream.runForEachArray(
      entriesOf(read, { after, upTo: last }),
      (page) =>
        Effect.sync(() => {
          for (const { subject } of page) hashes.add(subject.slice(erasedSubject("").length))
        })
    )
    at = { created, sequence: last, connection }
    return undefined
  })
}

/** Whether the record of operations has an erased event. */
const erasedBefore = (manager: JetStreamManager) =>
  Effect.map(
    reading(() =>
      manager.streams.info(operationStream, {
        subjects_filter: operationSubject("*", "forgotten" satisfies Result)
      })
        .catch(unless(JetStreamCode.streamNotFound))
    ),
    (info) => Object.keys(info?.state.subjects ?? {}).length > 0
  )

const messageOfFault = (fault: Fault): string => {
  const effect = "An erased event that 3QPR sends again is stored, and the role admin erases it again"
  return fault._tag === "Unreadable"
    ? `the ids of erased events cannot be read: ${fault.why}. ${effect}. `
      + `Allow our NATS user to read the stream ${erasedStream}`
    : `the ids of erased events are not known: events were erased, but the stream ${erasedStream} does not exist. `
      + `${effect}. `
      + "The role admin publishes the ids again within seconds. If it does not run, start it. If the "
      + "database was emptied too, this lasts until the next erasure"
}
