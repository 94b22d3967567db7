// Runs: long, broker

import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted, Stream } from "effect"
import { Buffer } from "node:buffer"
import { logEntries } from "../../../src/EventLog/Entries.ts"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import * as JetStream from "../../../src/EventLog/JetStream.ts"
import { stream } from "../../../src/EventLog/Names.ts"
import { findOrInstall } from "../../../src/Nats/Install.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { entryOf } from "../../contract/EventLog.ts"
import { binary, platform } from "../../support/Broker.ts"
import * as Cluster from "../../support/Faults/Cluster.ts"
import { readStream } from "../../support/Faults/Stored.ts"
import { until } from "../../support/Until.ts"

const { version } = await Effect.runPromise(findOrInstall({ binary }).pipe(Effect.provide(platform)))
const count = 15_000

// A cluster of three servers of version 2.9.10 loses entries without any fault.
const isOld = version.startsWith("2.9.")
const title = "of a cluster brings every entry while a follower that has lost its data catches up"
describe("a read", () => {
  it.live.skipIf(isOld)(
    isOld ? `${title} (not with nats-server ${version})` : title,
    () =>
      Effect.gen(function*() {
        const cluster = yield* Cluster.make
        const context = yield* Layer.build(
          JetStream.layer({ dedupWindow: 7_200_000, replicas: 3 }).pipe(
            Layer.provideMerge(
              Nats.layer({
                servers: cluster.members.map(({ url }) => url),
                token: Redacted.make(cluster.members[0]?.token ?? "")
              })
            )
          )
        )
        const log = Context.get(context, EventLog)
        const body = Buffer.alloc(1_000, "x")
        yield* until("ready", log.health, ({ ready }) => ready)
        const first = (yield* log.state).lastSequence + 1
        yield* Effect.forEach(
          Array.from({ length: count }, (_, index) => `evt_${index}`),
          (id) => log.append(entryOf(id, { body })),
          { concurrency: 256, discard: true }
        )
        yield* cluster.level(stream)
        const leader = yield* cluster.leaderOf(stream)
        const ours = Context.get(context, Nats).connection.getServer()
        const follower = cluster.members.find((one) => one !== leader && !one.url.endsWith(ours))
        if (follower === undefined) return assert.fail("no follower")
        const wrong: Array<unknown> = []
        let reads = 0
        const readSome = Effect.gen(function*() {
          const after = first - 1 + (reads++ * 997) % count
          // A server that has just started may not answer. That is an error, not the end of the log.
          const page = yield* Effect.retry(log.read({ after, limit: 5 }), { times: 10 })
          if (page.end || page.entries[0]?.sequence !== after + 1) wrong.push([after, page.cursor, page.end])
        })
        yield* follower.signal("SIGKILL")
        yield* follower.wipe
        yield* follower.start
        // The same reads, made by the fault checker.
        const readEnd = Effect.gen(function*() {
          const after = first - 1 + count - 20
          const read = yield* Effect.retry(Effect.tryPromise(() => readStream(leader, stream, after)), {
            times: 10
          })
          const found = read.filter(({ headers }) => headers["ce-id"]?.startsWith("evt_"))
          if (found.length !== 20) wrong.push(["readStream", found.length])
        })
        // For a moment the leader still treats the follower as up to date.
        yield* Effect.all([
          ...[1, 2, 3, 4].map(() => Effect.repeat(Effect.delay(readSome, "10 millis"), { times: 150 })),
          ...[1, 2].map(() => Effect.repeat(Effect.delay(readEnd, "10 millis"), { times: 150 }))
        ], { concurrency: "unbounded" })
        yield* cluster.level(stream)
        assert.deepStrictEqual(wrong, [])
        const entries = yield* Stream.runCount(logEntries({ after: 0 })).pipe(Effect.provideContext(context))
        assert.strictEqual(entries, count)
      }).pipe(Effect.scoped),
    120_000
  )
})
