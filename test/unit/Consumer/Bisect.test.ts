// Runs: node first

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { bisect } from "../../../src/Consumer/Bisect.ts"

/** A handler that fails each batch with one of these events, and the batches that it tried. */
const without = (poison: ReadonlyArray<number>) => {
  const tried: Array<ReadonlyArray<number>> = []
  const handle = (events: ReadonlyArray<number>) =>
    bisect(events, (batch) => {
      tried.push(batch)
      return batch.some((event) => poison.includes(event))
        ? Effect.fail((event: number) => Effect.succeed(`${event} failed`))
        : Effect.succeed(batch.map((event) => `${event} done`))
    })
  return { handle, tried }
}

describe("a batch that cannot be handled as a whole", () => {
  it.effect("returns a result per event in order, with a failure only for the event at fault", () =>
    Effect.gen(function*() {
      const { handle, tried } = without([3])
      assert.deepStrictEqual(yield* handle([1, 2, 3, 4, 5]), [
        "1 done",
        "2 done",
        "3 failed",
        "4 done",
        "5 done"
      ])
      assert.deepStrictEqual(tried, [[1, 2, 3, 4, 5], [1, 2], [3, 4, 5], [3], [4, 5]])
    }))

  it.effect("isolates every event when all are at fault", () =>
    Effect.gen(function*() {
      const { handle } = without([1, 2, 3])
      assert.deepStrictEqual(yield* handle([1, 2, 3]), ["1 failed", "2 failed", "3 failed"])
    }))

  it.effect("is tried once when nothing fails, and gives no results when it is empty and fails", () =>
    Effect.gen(function*() {
      const { handle, tried } = without([])
      assert.deepStrictEqual(yield* handle([1, 2]), ["1 done", "2 done"])
      assert.deepStrictEqual(tried, [[1, 2]])
      const empty: ReadonlyArray<number> = []
      const failing = bisect(empty, () => Effect.fail((event: number) => Effect.succeed(event)))
      assert.deepStrictEqual(yield* failing, [])
    }))
})
