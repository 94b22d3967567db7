import { Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { type Operation, Operations } from "../../EventLog/Operations.ts"
import { Api } from "../Api.ts"
import { usualOutcomes } from "../Api/Operations.ts"
import { NotFound } from "../Api/Problems.ts"
import { usualLimit } from "../Api/Query.ts"
import { unavailable } from "../Events/EventsHandlers.ts"

/** The handlers of `/v1/operations`. */
export const OperationsHandlers = HttpApiBuilder.group(
  Api,
  "operations",
  Effect.fnUntraced(function*(handlers) {
    const operations = yield* Operations
    return handlers.handleAll({
      list: ({ query }) =>
        operations.list(query.limit ?? usualLimit).pipe(
          Effect.map((found) => ({ operations: found.map(answerOf) })),
          Effect.catchTag("ReadFailed", unavailable)
        ),
      get: ({ params }) => Effect.map(find(params.id), answerOf),
      outcomes: ({ params, query }) =>
        Effect.andThen(
          find(params.id),
          operations.outcomes(params.id, query.after ?? 0, query.limit ?? usualOutcomes).pipe(
            Effect.catchTag("ReadFailed", unavailable)
          )
        ),
      cancel: Effect.fnUntraced(function*({ params, payload }) {
        const { cancelled, left } = yield* find(params.id)
        if (cancelled === undefined && left > 0) {
          yield* Effect.catch(operations.cancel(params.id, payload.by), unavailable)
        }
        return answerOf(yield* find(params.id))
      })
    })
  })
)

const find = Effect.fnUntraced(function*(id: string) {
  const found = yield* (yield* Operations).find(id).pipe(Effect.catchTag("ReadFailed", unavailable))
  return Option.isSome(found)
    ? found.value
    : yield* new NotFound({ detail: `There is no operation ${id}. \`GET /v1/operations\` lists them.` })
})

const answerOf = ({ cancelled, left, ...operation }: Operation) => ({
  ...operation,
  left,
  state: left <= 0 ? "done" as const : cancelled ? "cancelled" as const : "running" as const,
  cancelled: cancelled ?? null
})
