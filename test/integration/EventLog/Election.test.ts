// Runs: broker

import { assert, describe } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Logger, Redacted } from "effect"
import { EventLog } from "../../../src/EventLog/EventLog.ts"
import * as JetStream from "../../../src/EventLog/JetStream.ts"
import { Nats } from "../../../src/Nats/Nats.ts"
import { entryOf } from "../../contract/EventLog.ts"
import * as Compose from "../../support/Compose.ts"
import { test } from "../../support/Live.ts"
import { topology } from "../../support/Log.ts"
import * as NatsCluster from "../../support/NatsCluster.ts"

describe("a cluster that has no leader yet", () => {
  test(
    "delays the start, and gets its streams when the other members have started",
    Effect.gen(function*() {
      const { configs } = Compose.read({ NATS_PASSWORD: "nats_of_the_tests" })
      const members = yield* NatsCluster.make(["nats-1", "nats-2", "nats-3"], configs.nats.content)
      const [first, ...others] = members.map(({ start }) => start)
      yield* first ?? Effect.die("it has no member")

      const waits = yield* Deferred.make<string>()
      const logger = Logger.make(({ message }) => {
        const line = String(message)
        if (line.startsWith("JetStream is not ready")) Deferred.doneUnsafe(waits, Effect.succeed(line))
      })
      const target = {
        servers: members.map(({ address }) => address),
        user: "threeqpr",
        password: Redacted.make("nats_of_the_tests")
      }
      const appended = yield* Effect.flatMap(EventLog, (log) => log.append(entryOf("evt_1"))).pipe(
        Effect.provide(JetStream.layer({ ...topology, replicas: 3 }).pipe(Layer.provide(Nats.layer(target)))),
        Effect.provide(Logger.layer([logger])),
        Effect.forkChild
      )
      assert.include(yield* Deferred.await(waits), "60 seconds")
      yield* Effect.forEach(others, (start) => start)
      assert.isFalse((yield* Fiber.join(appended)).duplicate)
    }).pipe(Effect.orDie),
    120_000
  )
})
