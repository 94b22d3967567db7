import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { registryFault } from "../../../src/Projector/Rebuild/GenerationSupervisor.ts"

/** An error of the database with this SQLSTATE. */
const failed = (code: string) => Object.assign(new Error("failed"), { code })

describe("a registry of projections that cannot be read", () => {
  it.effect("is a fault after 30 seconds, also when another session holds a lock on it", () =>
    Effect.gen(function*() {
      for (const code of ["42P01", "55P03"]) {
        const registry = yield* registryFault
        yield* registry.unreadable(failed(code))
        yield* TestClock.adjust("29 seconds")
        yield* registry.unreadable(failed(code))
        assert.isUndefined(registry.fault())
        yield* TestClock.adjust("1 second")
        yield* registry.unreadable(failed(code))
        assert.match(registry.fault() ?? "", /the registry of projections cannot be read/)
        yield* registry.readable
        assert.isUndefined(registry.fault())
      }
    }))

  it.effect("is no fault of its own while the database is unreachable, which has another one", () =>
    Effect.gen(function*() {
      const registry = yield* registryFault
      yield* registry.unreadable(failed("08006"))
      yield* TestClock.adjust("1 minute")
      yield* registry.unreadable(failed("08006"))
      assert.isUndefined(registry.fault())
    }))
})
