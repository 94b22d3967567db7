import { Effect } from "effect"
import type { Kind } from "../../Domain/Operation.ts"
import { DeadLetters } from "../../EventLog/DeadLetters.ts"
import { Operations } from "../../EventLog/Operations.ts"
import type { Selection } from "../Api/DeadLetters.ts"
import { InvalidSelection } from "../Api/Problems.ts"

/** Begins an operation on the dead letters that were asked for, or says how many it would be on. */
export const begin = Effect.fn("DeadLetters.begin")(
  function*(kind: Kind, asked: Selection, reason: string | null, rate: number) {
    const { all, by, dry_run = false, filter, ids } = asked
    if ([ids, filter, all].filter((given) => given !== undefined).length !== 1) {
      return yield* new InvalidSelection({ detail: "Give exactly one of `ids`, `filter` and `all`." })
    }
    if (filter && Object.values(filter).every((value) => value === undefined)) {
      return yield* new InvalidSelection({
        detail: "The filter is empty. For all dead letters give `all: true`."
      })
    }
    const letters = yield* (yield* DeadLetters).list(filter ?? {})
    const named = ids && new Set(ids)
    // The oldest failure first, as the events came.
    const meant = letters.filter(({ id }) => named?.has(id) ?? true).map(({ id }) => id).toReversed()
    const there = new Set(meant)
    const missing = [...named ?? []].filter((id) => !there.has(id))
    if (dry_run || meant.length === 0) return { operation: null, count: meant.length, missing }
    const selection = {
      // Every id is in the operation's plan.
      ...(ids && (ids.length <= 100 ? { ids } : { id_count: ids.length })),
      ...(filter && { filter }),
      ...(all && { all })
    }
    const operation = yield* (yield* Operations).begin({ kind, by, reason, asked: selection, rate }, meant)
    return { operation, count: meant.length, missing }
  }
)
