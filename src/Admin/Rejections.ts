import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import * as Rejections from "../Rejections.ts"
import { Api } from "./Api.ts"
import { NotFound, orUnavailable } from "./Problems.ts"

/** The handlers of `/v1/rejections`, which ask every process with the ingress role. */
export const layer = HttpApiBuilder.group(
  Api,
  "rejections",
  Effect.fnUntraced(function*(handlers) {
    return handlers.handleAll({
      list: ({ query: { limit = 50 } }) => orUnavailable(Rejections.list(limit)),
      get: ({ params }) => orUnavailable(get(params.id))
    })
  })
)

const get = Effect.fnUntraced(function*(id: string) {
  const found = yield* Rejections.get(id)
  return found ?? (yield* new NotFound({
    detail: "No process has this rejection. Each keeps its last 200, until it ends."
  }))
})
