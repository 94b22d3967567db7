import { Effect, Option, Stream } from "effect"
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
    const there = new Set<string>()
    const chosen = (yield* lettersOf(asked)).pipe(
      Stream.map(({ id }) => id),
      // At most as many as were named.
      Stream.tap((id) => Effect.sync(() => ids && there.add(id)))
    )
    const selection = {
      // Every id is in the operation's plan.
      ...(ids && (ids.length <= 100 ? { ids } : { id_count: ids.length })),
      ...(filter && { filter }),
      ...(all && { all })
    }
    const begun = dry_run
      ? { operation: null, count: yield* Stream.runCount(chosen) }
      : yield* (yield* Operations).begin({ kind, by, reason, asked: selection, rate }, chosen)
    return { ...begun, missing: [...new Set(ids)].filter((id) => !there.has(id)) }
  }
)

/** The dead letters that are meant, the oldest failure first, as the events came. */
const lettersOf = Effect.fnUntraced(function*({ filter = {}, ids }: Selection) {
  const deadLetters = yield* DeadLetters
  if (ids === undefined) return deadLetters.all(filter)
  const named = new Set(ids)
  if (named.size > mostLookups) return Stream.filter(deadLetters.all({}), ({ id }) => named.has(id))
  return Stream.unwrap(
    Effect.map(
      Effect.forEach(named, deadLetters.find, { concurrency: 8 }),
      (found) => Stream.fromIterable(found.flatMap(Option.toArray).toSorted((a, b) => a.place - b.place))
    )
  )
})

/** How many letters are looked up one by one. To read the letters page by page is faster for more. */
const mostLookups = 100
