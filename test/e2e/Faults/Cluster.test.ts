// Runs: long, broker

import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { stream } from "../../../src/EventLog/Names.ts"
import { findOrInstall } from "../../../src/Nats/Install.ts"
import { binary, platform } from "../../support/Broker.ts"
import { Scene, untilReadiness } from "../../support/Faults/Scene.ts"

const { version } = await Effect.runPromise(findOrInstall({ binary }).pipe(Effect.provide(platform)))
const scene = Scene.layer({ receivers: 2, projectors: 2, cluster: true })

// Here three servers of 2.9.10 lose acknowledged events by a fault of the broker. docs/durability.md warns operators.
const name = "a cluster of three brokers, under load"
if (version.startsWith("2.9.")) describe(name, () => it.skip(`needs a newer nats-server than ${version}`))
else {layer(scene, { excludeTestServices: true })(name, (it) => {
    it.effect(
      "continues when each broker is killed in turn, and neither loses nor doubles an event",
      () =>
        Effect.gen(function*() {
          const { answered, system: { cluster }, traffic, whole } = yield* Scene
          if (cluster === undefined) return assert.fail("no cluster")
          const load = yield* traffic({ rate: 100 })
          yield* answered(100, 200)
          for (const member of cluster.members) {
            yield* member.signal("SIGKILL")
            yield* answered(200, 200)
            yield* member.start
            yield* cluster.level(stream)
          }
          yield* load.stop
          yield* whole()
        }),
      300_000
    )

    it.effect(
      "neither loses nor doubles an event when every broker and every other process is restarted in turn",
      () =>
        Effect.gen(function*() {
          const { answered, system: { cluster, projectors, receivers }, traffic, whole } = yield* Scene
          if (cluster === undefined) return assert.fail("no cluster")
          const load = yield* traffic({ rate: 100 })
          yield* answered(100, 200)
          for (const member of cluster.members) {
            yield* member.signal("SIGTERM")
            yield* member.start
            yield* cluster.level(stream)
          }
          for (const part of [...receivers, ...projectors]) {
            assert.strictEqual(yield* part.end("SIGTERM"), 0)
            yield* part.start
            yield* answered(50, 200)
          }
          yield* load.stop
          yield* whole()
        }),
      300_000
    )

    it.effect(
      "reads every event while a follower that has lost its data catches up",
      () =>
        Effect.gen(function*() {
          const { answered, system: { cluster }, traffic, whole } = yield* Scene
          if (cluster === undefined) return assert.fail("no cluster")
          const load = yield* traffic({ rate: 100 })
          yield* answered(100, 200)
          const leader = yield* cluster.leaderOf(stream)
          const follower = cluster.members.find((member) => member !== leader)
          if (follower === undefined) return assert.fail("no follower")
          yield* follower.signal("SIGKILL")
          yield* follower.wipe
          yield* follower.start
          yield* answered(500, 200)
          yield* cluster.level(stream)
          yield* load.stop
          yield* whole()
        }),
      300_000
    )

    // Last, because the member that was cut off can retry for minutes before it is level (seen with 2.14.5).
    it.effect(
      "continues when the leader is cut off from the others, and loses nothing that it had acknowledged",
      () =>
        Effect.gen(function*() {
          const { answered, system: { add, cluster, receivers }, traffic, whole } = yield* Scene
          if (cluster === undefined) return assert.fail("no cluster")
          const leader = yield* cluster.leaderOf(stream)
          const atLeader = yield* add("ingress", { NATS_URL: leader.url })
          yield* add("projector", { NATS_URL: leader.url })
          const all = [...receivers, atLeader]
          const load = yield* traffic({ rate: 100, urls: () => all.map(({ webhook }) => webhook) })
          yield* answered(100, 200)
          yield* cluster.isolate(leader)
          yield* untilReadiness(atLeader, 503)
          // The receiver leaves the isolated server, which it still reaches, for one that can store.
          yield* untilReadiness(atLeader, 200, 90_000)
          assert.notStrictEqual(yield* cluster.leaderOf(stream, leader), leader)
          yield* answered(500, 200)
          yield* cluster.join
          for (const receiver of all) yield* untilReadiness(receiver, 200)
          yield* answered(100, 200)
          yield* load.stop
          yield* whole()
        }),
      300_000
    )
  })}
