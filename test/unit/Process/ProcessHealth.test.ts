import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { ProcessHealth } from "../../../src/Process/ProcessHealth.ts"

describe("the process health checks", () => {
  it.live("report the first worker that fails, and none that is stopped", () =>
    Effect.gen(function*() {
      const { died, run } = yield* ProcessHealth
      const scope = yield* Scope.make()
      yield* run("a stopped one", Effect.never).pipe(Scope.provide(scope))
      yield* Scope.close(scope, Exit.void)
      yield* run("the projector", Effect.die(new Error("out of order")))
      const { message } = yield* Effect.flip(died).pipe(Effect.timeout("10 seconds"))
      assert.match(message, /^the projector ended: .*out of order/)
    }).pipe(Effect.provide(ProcessHealth.layer), Effect.scoped))
})
