import { Effect, Option } from "effect"
import { DeadLetters } from "../../EventLog/DeadLetters.ts"
import { Operations } from "../../EventLog/Operations.ts"
import type { Work } from "./Work.ts"

/** Removes dead letters permanently. The operation records which letters were removed, and by whom. */
export const make = Effect.gen(function*() {
  const deadLetters = yield* DeadLetters
  const operations = yield* Operations

  const find = (ids: ReadonlyArray<string>) => Effect.forEach(ids, deadLetters.find, { concurrency: 16 })

  const work: Work = {
    run: Effect.fnUntraced(function*(operation, ids) {
      const found = (yield* find(ids)).flatMap(Option.toArray)
      const there = new Set(found.map(({ id }) => id))
      yield* Effect.forEach(
        ids,
        (id) => operations.record(operation.id, id, there.has(id) ? "discarded" : "gone"),
        { concurrency: "unbounded", discard: true }
      )
      yield* deadLetters.remove(found)
      return []
    }),
    finish: Effect.fnUntraced(function*(outcomes) {
      const discarded = outcomes.filter(({ result }) => result === "discarded")
      const found = yield* find(discarded.map(({ id }) => id))
      yield* deadLetters.remove(found.flatMap(Option.toArray))
    })
  }
  return work
})
