import { Effect, Option, Stream } from "effect"
import type { Kind } from "../../Domain/Operation.ts"
import { DeadLetters } from "../../EventLog/DeadLetters.ts"
import { Operations } from "../../EventLog/Operations.ts"
import type { Selection } from "../Api/DeadLetters.ts"
import { InvalidSelection } from "../Api/Problems.ts"

/** Begins an operation on the selected dead letters, or counts them for a dry run. */
export const begin = Effect.fn("DeadLetters.begin")(
  function*(kind: Kind, asked: Selection, reason: string | null, rate: number) {
    const { all, by, dry_run = false, filter, ids } = asked
    if ([ids, filter, all].filter((given) => given !== undefined).length !== 1) {
      return yield* new InvalidSelection({ detail: "Send exactly one of `ids`, `filter` and `all`." })
    }
    if (filter && Object.values(filter).every((value) => value === undefined)) {
      return yield* new InvalidSelection({
        detail: "The filter is empty. To select all dead letters, send `all: true`."
      })
    }
    const there = new Set<string>()
    const chosen = (yield* lettersOf(asked)).pipe(
      Stream.map(({ id }) => id),
      // The set holds at most as many ids as the request named.
      Stream.tap((id) => Effect.sync(() => ids && there.add(id)))
    )
    const selection = {
      // The operation's plan holds every id, so the selection stores only the count of a long list.
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

/** The selected dead letters, oldest failure first. */
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

/** Maximum number of dead letters that are looked up one by one. For more, it is faster to read all pages. */
const mostLookups = 100
