import { Effect } from "effect"
import { DeadLetters } from "../../EventLog/DeadLetters.ts"
import { parseId } from "../../EventLog/DeadLetters/Letter.ts"
import { Operations } from "../../EventLog/Operations.ts"
import type { Work } from "./Work.ts"

/** Removes dead letters permanently, and records them and who removed them. */
export const make = Effect.gen(function*() {
  const deadLetters = yield* DeadLetters
  const operations = yield* Operations

  const remove = Effect.fnUntraced(function*(ids: ReadonlyArray<string>) {
    for (const [consumer, own] of byConsumer(ids)) yield* deadLetters.remove(consumer, own)
  })

  const work: Work = {
    run: Effect.fnUntraced(function*(operation, ids) {
      for (const [consumer, own] of byConsumer(ids)) {
        const there = new Set((yield* deadLetters.list({ consumer })).map(({ id }) => id))
        yield* Effect.forEach(
          own,
          (id) => operations.record(operation.id, id, there.has(id) ? "discarded" : "gone"),
          { concurrency: "unbounded", discard: true }
        )
        yield* deadLetters.remove(consumer, own)
      }
      return []
    }),
    finish: (outcomes) => remove(outcomes.filter(({ result }) => result === "discarded").map(({ id }) => id))
  }
  return work
})

const byConsumer = (ids: ReadonlyArray<string>) => Map.groupBy(ids, (id) => parseId(id)?.consumer ?? "")
