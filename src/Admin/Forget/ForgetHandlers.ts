import { Effect, Stream } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import type { Target } from "../../Domain/ErasureTarget.ts"
import { Operations } from "../../EventLog/Operations.ts"
import { find } from "../../Jobs/Erasure.ts"
import { rowsOnly } from "../../Jobs/Operations/EraseEntity.ts"
import { Api } from "../Api.ts"
import { type Forgetting, usualRate } from "../Api/Forget.ts"
import { InvalidSelection, orUnavailable, Unavailable } from "../Api/Problems.ts"
import { optionalCodeIdOf } from "../CodeId.ts"

/** The handler of `/v1/forget`. */
export const ForgetHandlers = HttpApiBuilder.group(
  Api,
  "forget",
  Effect.fnUntraced(function*(handlers) {
    return handlers.handleAll({ begin: ({ payload }) => orUnavailable(begin(payload)) })
  })
)

const begin = Effect.fn("Forget.begin")(
  function*({ by, dry_run = false, rate = usualRate, reason, ...named }: Forgetting) {
    const target = yield* targetOf({ ...named, qpr_code_id: yield* optionalCodeIdOf(named.qpr_code_id) })
    const { deadLetters, orphans, rows, sequences, upTo } = yield* find(target).pipe(
      Effect.catchTag("UnknownReadModels", ({ message }) => new Unavailable({ detail: message }))
    )
    const count = sequences.length
    const nothing = count === 0 && Object.keys(rows).length === 0
    const found = {
      count,
      rows,
      dead_letters: deadLetters,
      up_to: upTo,
      missing: nothing ? [target.id] : [],
      target
    }
    if (dry_run || nothing) return { operation: null, ...found }
    const { operation } = yield* (yield* Operations).begin(
      { kind: "forget", by, reason, asked: { ...target }, rate },
      Stream.fromIterable([...sequences.map(String), ...(orphans.length > 0 ? [rowsOnly] : [])])
    )
    return { operation, ...found }
  }
)

const targetOf = (
  { conversation_id, event_id, qpr_code_id }: Pick<Forgetting, "conversation_id" | "event_id" | "qpr_code_id">
): Effect.Effect<Target, InvalidSelection> => {
  const [target, ...others] = [
    { kind: "qpr_code" as const, id: qpr_code_id },
    { kind: "conversation" as const, id: conversation_id },
    { kind: "event" as const, id: event_id }
  ].flatMap(({ id, kind }) => id === undefined ? [] : [{ kind, id }])
  return target === undefined || others.length > 0
    ? Effect.fail(
      new InvalidSelection({
        detail: "Send exactly one of `qpr_code_id`, `conversation_id` and `event_id`."
      })
    )
    : Effect.succeed(target)
}
