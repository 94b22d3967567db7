import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import * as Rejections from "../../Ingress/RecentRejections.ts"
import { Nats } from "../../Nats/Nats.ts"
import { Api } from "../Api.ts"
import { NotFound, orUnavailable, Unavailable } from "../Api/Problems.ts"
import { usualLimit } from "../Api/Query.ts"

/** The handlers of `/v1/rejections`. They query every process with the ingress role. */
export const RejectionsHandlers = HttpApiBuilder.group(
  Api,
  "rejections",
  Effect.fnUntraced(function*(handlers) {
    return handlers.handleAll({
      list: ({ query: { limit = usualLimit } }) => whileConnected(orUnavailable(Rejections.list(limit))),
      get: ({ params }) => whileConnected(orUnavailable(get(params.id)))
    })
  })
)

const get = Effect.fnUntraced(function*(id: string) {
  const found = yield* Rejections.get(id)
  return found ?? (yield* new NotFound({
    detail: "No process has this rejection. Each process keeps its last 200 rejections until it ends."
  }))
})

/** Fails without a broker connection: no receiver can be queried then, which differs from an empty list. */
export const whileConnected = <A, E, R>(asked: Effect.Effect<A, E, R>) =>
  Effect.flatMap(
    Nats,
    ({ isConnected }): Effect.Effect<A, E | Unavailable, R> =>
      isConnected()
        ? asked
        : Effect.fail(
          new Unavailable({ detail: "The receivers cannot be asked, because the broker is not connected." })
        )
  )
