// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger } from "effect"
import { TestClock } from "effect/testing"
import { ErrorCode, NatsError } from "nats"
import { waitingForLeaders } from "../../../src/EventLog/Election.ts"

const noLeader = () => Promise.reject(new NatsError("no reply", ErrorCode.Timeout))

describe("waiting for the leaders of a cluster", () => {
  it.effect("ends after one minute over all requests", () =>
    Effect.gen(function*() {
      const afterElection = yield* waitingForLeaders
      yield* TestClock.adjust("59 seconds")
      const asking = yield* Effect.forkChild(Effect.flip(afterElection(noLeader)))
      yield* untilAsked
      assert.isUndefined(asking.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.instanceOf(yield* Fiber.join(asking), NatsError)
    }).pipe(Effect.provide(Logger.layer([]))))

  it.effect("does not repeat a request that fails for another reason", () =>
    Effect.gen(function*() {
      const afterElection = yield* waitingForLeaders
      let asked = 0
      const refused = afterElection(() => {
        asked++
        return Promise.reject(new Error("not allowed"))
      })
      assert.strictEqual(String(yield* Effect.flip(refused)), "Error: not allowed")
      assert.strictEqual(asked, 1)
    }))
})

/** Lets the pending requests finish. */
const untilAsked = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
