import { Effect, Layer, Option, Stream } from "effect"
import type { JetStreamManager } from "nats"
import { createHash } from "node:crypto"
import { JetStreamCode, unless } from "../../Nats/JetStreamCode.ts"
import { managerOf } from "../../Nats/Manager.ts"
import { Nats } from "../../Nats/Nats.ts"
import { messageOf } from "../../Process/Failure.ts"
import { ingest } from "../../Process/Metrics.ts"
import { entriesOf } from "../Entries.ts"
import { ErasedIds } from "../ErasedIds.ts"
import { erasedStream, erasedSubject } from "../Names.ts"
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

/**
 * Adds the hashes of the stream to the filter, at first all of them. A missing stream means that nothing was erased
 * yet. Deleted hashes stay in the filter, because each hit is confirmed.
 */
const follow = Effect.fnUntraced(function*(
  nats: Nats["Service"],
  manager: JetStreamManager,
  hashes: HashFilter
) {
  const { read } = makeReader(nats, manager, { stream: erasedStream })
  let at = { created: "", sequence: 0, connection: 0 }
  let connections = 0
  let failing = false
  ingest.erasedIdsKnown(false)
  yield* nats.onChange(() => {
    connections++
    ingest.erasedIdsKnown(false)
  })

  const check = Effect.gen(function*() {
    const connection = connections
    const info = yield* reading(() =>
      manager.streams.info(erasedStream).catch(unless(JetStreamCode.streamNotFound))
    )
    if (info !== undefined) {
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
    }
    if (connection === connections) ingest.erasedIdsKnown(true)
    failing = false
  }).pipe(Effect.catch((error) => {
    ingest.erasedIdsKnown(false)
    // The lost connection is already logged. Log any other failure once, not at every check.
    const told = failing || !nats.isConnected()
    failing ||= nats.isConnected()
    return told ? Effect.void : Effect.logWarning(unknown(messageOf(error)))
  }))

  const pause = Effect.suspend(() => Effect.sleep(failing ? refused : every))
  yield* Effect.forever(Effect.andThen(check, pause))
})

const unknown = (why: string) =>
  `the ids of erased events cannot be read: ${why}. An erased event that 3QPR sends again is stored, and the role admin `
  + `erases it again. Allow our NATS user to read the stream ${erasedStream}`
